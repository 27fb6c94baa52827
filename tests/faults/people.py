"""Faults of clocks, of disks, and of people."""

from tests.faults.row import Row

PEOPLE = (
    Row(
        "F76",
        "the wall clock jumps, or stands still",
        "clocks set ahead and back by hand, and in simulated worlds",
        "leases and waits go by a clock that only goes on; seconds are told in order",
        (
            "test_a_clock_that_is_set_makes_nobody_sleep_for_as_long",
            "test_a_clock_that_is_set_back_under_way_goes_on_from_the_last_second",
            "test_a_leader_that_comes_back_too_late_ends",
            "test_no_world_breaks_an_invariant_and_there_are_many_kinds_of_faults",
        ),
    ),
    Row(
        "F77",
        "the disk of journal, log or archive is full, or fails, or nobody reads the log",
        "writes that fail with ENOSPC or EIO, in tests of each file and in simulated worlds; "
        "a pipe that takes no more",
        "nothing of it was written; nothing was sent; it is said, and never taken for done",
        (
            "test_facts_and_cursor_are_written_together_or_not_at_all",
            "test_a_write_that_fails_writes_nothing",
            "test_a_full_disk_loses_nothing_trims_nothing_and_is_said",
            "test_on_a_full_disk_an_empty_file_still_halts",
            "test_a_run_whose_log_nobody_reads_trades_on_and_ends_when_it_is_told_to",
            "test_a_log_that_takes_nothing_saves_no_process",
            "test_no_write_is_needed_to_act",
            "test_no_world_breaks_an_invariant_and_there_are_many_kinds_of_faults",
        ),
    ),
    Row(
        "F78",
        "people: another account, armed twice, flattened twice, a typing error, a new key",
        "the commands themselves, again and wrongly, beside a system that runs",
        "refused with a way out, or the same as once; who and why is on record",
        (
            "test_prices_of_one_market_never_reach_the_books_of_another",
            "test_an_order_of_another_mode_never_passes_whatever_it_does",
            "test_what_lies_under_the_names_of_another_mode_is_seen_and_never_read",
            "test_a_run_that_is_not_the_one_meant_is_not_armed",
            "test_a_latch_is_only_ever_raised_and_the_first_reason_stays",
            "test_flatten_closes_everything_and_nothing_is_entered_any_more",
            "test_once_is_enough_and_a_second_time_says_so",
            "test_all_faults_are_told_at_once",
        ),
    ),
    Row(
        "F79",
        "another instance, with streams of its own, trades the account",
        "a second gateway on the same account; its orders in what the venue shows",
        "no entry is taken; nobody cancels the other's stops; the orders are named",
        (
            "test_orders_of_another_instance_are_told_from_those_that_were_left_over",
            "test_while_somebody_else_trades_the_account_no_entry_is_taken_and_nothing_is_an_orphan",
        ),
    ),
)
