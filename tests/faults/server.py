"""Faults of the stream server and of the way to it."""

from tests.faults.row import Row

SERVER = (
    Row(
        "F15",
        "the server is killed in the middle of commits",
        "SIGKILL while commits run, both ways of syncing; the server of a running system",
        "no half of a commit and no hole; synced with every write, nothing acknowledged is gone",
        (
            "test_a_killed_server_comes_back_with_all_that_reached_its_disk",
            "test_a_killed_server_comes_back_where_its_clients_look_for_it",
            "test_a_storm_of_every_fault_loses_and_doubles_nothing",
        ),
    ),
    Row(
        "F16",
        "a power cut takes what was not synced",
        "the file of a killed server is cut shorter, at its last sync too; a disk under the "
        "journal that at every sync keeps nothing, all, or any part of what was not synced",
        "what is left is a prefix of whole commits, and commits go on behind it; the journal has "
        "all that was acknowledged, and publishes again what it has and the streams do not",
        (
            "test_of_a_file_with_a_torn_end_whole_commits_are_left_and_none_in_part",
            "test_cut_at_its_last_sync_a_stream_has_all_that_was_synced_and_goes_on",
            "test_whenever_the_power_fails_the_journal_holds_all_that_was_acknowledged",
            "test_what_the_journal_holds_and_the_stream_does_not_is_published_at_the_next_start",
        ),
    ),
    Row(
        "F17",
        "the file is torn at its end, or damaged in its middle",
        "bytes cut off; zeros written into the middle",
        "torn: as F16. Damaged: the start refuses and names the file",
        (
            "test_of_a_file_with_a_torn_end_whole_commits_are_left_and_none_in_part",
            "test_a_file_that_is_damaged_in_its_middle_is_refused_and_named",
        ),
    ),
    Row(
        "F18",
        "the disk of the server is full",
        "a disk of 6 MiB in a mount namespace, later made larger",
        "what was acknowledged is there when there is room again, and more is taken",
        (
            "test_on_a_disk_that_fills_what_was_acknowledged_is_there_when_there_is_room_again",
            "test_each_trouble_of_a_server_is_one_finding",
        ),
    ),
    Row(
        "F19",
        "the server has no memory left",
        "maxmemory set to what is used",
        "a commit is refused before its first write",
        ("test_a_server_without_memory_refuses_a_commit_before_its_first_write",),
    ),
    Row(
        "F20",
        "the server may forget: no file, or eviction",
        "a server that says so of itself",
        "the start warns, the doctor is red, and nothing is armed",
        (
            "test_a_server_of_others_that_may_forget_is_warned_of",
            "test_each_trouble_of_a_server_is_one_finding",
            "test_all_that_speaks_against_it_is_said_at_once",
        ),
    ),
    Row(
        "F21",
        "streams or groups are deleted under a running system",
        "FLUSHALL while somebody reads and commits",
        "the reader is told what is gone, nobody commits, the process ends; the doctor is red",
        (
            "test_emptying_the_store_under_a_reader_ends_the_read_with_an_explanation",
            "test_after_the_store_was_emptied_nobody_commits",
            "test_a_server_that_was_emptied_is_red",
            "test_a_missing_group_is_an_error_that_says_what_to_do",
        ),
    ),
    Row(
        "F22",
        "the server comes back with an older state",
        "a store that has less than what was committed",
        "the loop ends; the next start begins a new life at HALT, with books from the journal, "
        "positions taken over with the stops that rest, and no signal traded twice",
        (
            "test_a_store_that_came_back_older_than_what_was_committed_ends_the_loop",
            "test_what_the_journal_holds_and_the_stream_does_not_is_published_at_the_next_start",
            "test_streams_that_are_older_than_their_archive_are_left_alone",
            "test_a_commit_follows_the_one_before_it_or_the_store_is_another",
            "test_a_server_that_came_back_older_begins_a_life_too_and_a_second_loss_another",
            "test_nothing_is_carried_out_until_the_trader_knows_of_the_life",
            "test_a_position_keeps_the_stop_and_the_targets_that_rest",
            "test_streams_that_were_lost_or_came_back_older_are_borne",
            "test_on_streams_that_were_wiped_and_then_set_back_it_halts_and_trades_on_when_told",
        ),
    ),
    Row(
        "F23",
        "the answer to an append is lost",
        "a proxy loses or swallows the answer, or cuts before the request",
        "the entry is there once",
        (
            "test_an_append_whose_answer_is_lost_is_there_once",
            "test_an_append_that_the_caller_repeats_is_there_once",
            "test_an_append_that_was_cancelled_may_be_repeated",
        ),
    ),
    Row(
        "F24",
        "the answer to a read is lost",
        "the same proxy",
        "what was handed out is found again, and no read is sent twice",
        (
            "test_a_read_whose_answer_is_lost_strands_nothing",
            "test_a_read_is_never_sent_twice",
        ),
    ),
    Row(
        "F25",
        "the answer to a commit is lost",
        "the same proxy; in simulated worlds, chosen by chance",
        "it happened once: the repeat is recognised by its number",
        (
            "test_a_commit_whose_answer_is_lost_happened_once",
            "test_a_repeated_commit_is_recognised_and_adds_nothing",
            "test_a_running_loop_bears_lost_answers_and_takes_everything_once",
        ),
    ),
    Row(
        "F26",
        "the answer to an acknowledgement is lost",
        "acknowledgements are part of the commit: as F25; the same entries acknowledged twice",
        "counted once",
        ("test_acknowledging_twice_counts_once",),
    ),
    Row(
        "F27",
        "the way to the server is slow",
        "answers that take their time, for a while, in a running system",
        "slower and right; nobody is taken for dead",
        (
            "test_a_storm_of_every_fault_loses_and_doubles_nothing",
            "test_a_running_loop_bears_lost_answers_and_takes_everything_once",
        ),
    ),
    Row(
        "F28",
        "nobody listens where the server was",
        "connections that are refused, for longer than the patience of a loop",
        "asked again after longer and longer pauses, then the process ends; halt and flatten work, "
        "and the guardian protects, without it",
        (
            "test_a_loop_without_a_server_gives_up_when_its_patience_ends",
            "test_a_dead_stream_server_keeps_nobody_from_halting_and_flattening",
            "test_with_everybody_else_dead_a_position_is_protected_and_then_flattened",
        ),
    ),
    Row(
        "F29",
        "calls are cancelled in the middle",
        "many calls at once, cancelled at random moments",
        "nobody gets another one's answer",
        (
            "test_cancelled_calls_do_not_get_each_others_answers",
            "test_a_connection_whose_call_was_cancelled_is_not_used_again",
        ),
    ),
    Row(
        "F30",
        "a read waits longer than an answer may take",
        "a blocking read under a short limit of answers",
        "it has a limit of its own, and never waits longer than two seconds",
        (
            "test_a_read_may_wait_longer_than_an_answer_may_take",
            "test_a_read_waits_two_seconds_at_most",
        ),
    ),
    Row(
        "F31",
        "a group is slow while a stream grows",
        "a group that does not read, and more entries than a stream may hold",
        "nothing is trimmed that it needs, it is named, and no new entry is taken",
        (
            "test_the_slowest_group_keeps_what_it_needs_and_is_named_and_entries_wait",
            "test_a_disk_that_stays_full_ends_in_refused_entries",
            "test_who_keeps_a_stream_from_being_trimmed_is_named_with_a_way_out",
        ),
    ),
    Row(
        "F32",
        "somebody trims what was not read",
        "entries deleted before and after their delivery",
        "each is a tombstone: counted, a dead letter, and never an empty message to a handler",
        (
            "test_lost_data_is_delivered_as_a_tombstone",
            "test_a_message_whose_data_was_deleted_is_counted_and_survives_recovery",
            "test_a_letter_without_an_original_cannot_be_sent",
        ),
    ),
    Row(
        "F33",
        "a message breaks whoever handles it",
        "poison on a stream, alone and in a batch, with crashes in between",
        "given up at its fifth delivery, whole; its neighbours are handled",
        (
            "test_poison_is_given_up_after_five_deliveries_and_its_neighbours_are_not",
            "test_poison_is_given_up_once_and_nothing_else_is_whatever_crashes",
            "test_what_failed_again_waits_under_the_name_of_what_failed_first",
        ),
    ),
    Row(
        "F34",
        "the clock of the server's machine is set back",
        "a clock that goes back, under what counts and ages by it",
        "ids and heartbeats go on; time goes on at half its pace until the clock has caught up; "
        "the doctor says it",
        (
            "test_after_a_clock_was_set_back_time_goes_on_at_half_its_pace_until_it_is_right",
            "test_a_clock_that_was_set_back_does_not_silence_the_heartbeat",
            "test_each_trouble_of_a_server_is_one_finding",
        ),
    ),
    Row(
        "F35",
        "the password is wrong, or the user may not do all that is needed",
        "a connection with another password; users that may write no key, one stream less, or run "
        "one command less",
        "the start says so, without showing it; what is denied in part is denied as a whole",
        (
            "test_a_wrong_password_is_named_and_not_shown",
            "test_a_commit_of_which_one_write_is_denied_writes_nothing",
            "test_a_user_who_may_not_write_starts_nothing_and_is_told_what_is_missing",
        ),
    ),
    Row(
        "F36",
        "a slot of a cluster moves under load",
        "",
        "",
        missing="there is one server and no cluster; symbols are not sharded over servers",
    ),
    Row(
        "F37",
        "a replica is promoted while the old master lives",
        "",
        "",
        missing="no replica is run; that a stale writer is fenced by its epoch is F7 and F11",
    ),
)
