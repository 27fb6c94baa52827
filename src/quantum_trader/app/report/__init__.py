"""What a replay showed: the numbers, and one self-contained page to look at."""
