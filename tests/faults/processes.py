"""Faults of our own processes."""

from tests.faults.row import Row

PROCESSES = (
    Row(
        "F1",
        "the process is killed at any send",
        "SIGKILL in the k-th send of a real run, by strace where there is one; in simulated lives, "
        "at every await of gateway and loop",
        "started again it ends where an undisturbed life ends; nothing is sent twice",
        (
            "test_a_storm_of_every_fault_loses_and_doubles_nothing",
            "test_whenever_the_process_dies_nothing_is_sent_twice_and_nothing_is_lost",
            "test_a_loop_that_dies_anywhere_ends_where_a_straight_fold_does",
        ),
    ),
    Row(
        "F2",
        "the process is killed at any write of the journal",
        "SIGKILL in the k-th fsync of a real run; a writer of its own killed again and again",
        "the journal holds every record that was acknowledged, and a whole chain",
        (
            "test_killed_again_and_again_the_journal_holds_every_acknowledged_record",
            "test_the_same_holds_when_every_life_opens_the_journal_from_disk",
            "test_a_storm_of_every_fault_loses_and_doubles_nothing",
        ),
    ),
    Row(
        "F3",
        "a loop raises",
        "each loop of a running system is made to fail",
        "the process ends with 70 within two seconds; what was taken is delivered again",
        (
            "test_whatever_ends_a_service_ends_the_process",
            "test_when_any_loop_dies_the_process_ends_with_70_within_two_seconds",
            "test_a_loop_that_failed_does_nothing_more_until_it_is_restored",
        ),
    ),
    Row(
        "F4",
        "a loop returns as if all were well",
        "a service whose coroutine ends",
        "it counts as a failure: 70",
        (
            "test_a_loop_that_returns_ends_the_process_with_70_at_once",
            "test_one_loop_of_the_gateway_that_ends_well_ends_the_process",
        ),
    ),
    Row(
        "F5",
        "a loop swallows its cancellation, or is cancelled by somebody",
        "a service that catches the end, and one that is cancelled from outside",
        "the process ends all the same",
        (
            "test_a_service_that_swallows_its_end_cannot_keep_the_process",
            "test_a_service_that_somebody_cancels_ends_the_process",
        ),
    ),
    Row(
        "F6",
        "a loop lives and makes no progress",
        "a loop that waits for ever",
        "the watchdog ends the process with 70 and says which loop it was",
        (
            "test_a_loop_that_stands_still_ends_the_process_with_70_and_its_name",
            "test_the_loops_that_hold_money_say_that_they_came_round",
        ),
    ),
    Row(
        "F7",
        "the process stands still and goes on later",
        "SIGSTOP and SIGCONT, shorter and longer than the lease, with and without a successor",
        "whoever was too late neither records nor sends; one leader acts, once",
        (
            "test_two_systems_never_trade_one_account_whatever_stands_still",
            "test_a_system_that_was_frozen_past_its_lease_goes_on_where_nobody_took_over",
            "test_an_order_that_is_signed_after_a_freeze_does_not_leave",
            "test_a_process_that_was_frozen_and_thawed_is_not_blamed_for_it",
        ),
    ),
    Row(
        "F8",
        "it is started again and again",
        "a hundred starts on one server",
        "the groups have one consumer each, not a hundred",
        ("test_a_hundred_restarts_leave_one_consumer",),
    ),
    Row(
        "F9",
        "memory runs out",
        "a service raises MemoryError; the memory of a running process is limited to what it has, "
        "and a message needs more",
        "the process ends with 70; the next start recovers, and the message is a dead letter",
        (
            "test_whatever_ends_a_service_ends_the_process",
            "test_a_run_whose_memory_ends_ends_with_70_and_the_next_one_goes_on",
        ),
    ),
    Row(
        "F10",
        "no file can be opened any more",
        "a run with a limit of 32 open files; a limit that is lowered in the middle of a run; "
        "callers of the page who ask for nothing",
        "it refuses to start, says why, and leaves nothing half done; in the middle, whatever file "
        "cannot be read holds entries back, positions stay protected, and the page comes back",
        (
            "test_a_run_that_may_open_too_few_files_refuses_and_leaves_nothing_half_done",
            "test_a_run_that_can_open_no_file_any_more_takes_no_entry_and_goes_on",
            "test_there_are_never_more_callers_than_files_can_be_spared_for",
        ),
    ),
    Row(
        "F11",
        "it is started twice",
        "a second run on the same folder, and one beside it on the same stream server",
        "the second refuses and says who has it",
        (
            "test_a_second_system_on_the_same_folder_is_refused_and_told_who_has_it",
            "test_a_second_one_refuses_while_the_first_lives_and_says_who_it_is",
            "test_a_guardian_that_was_killed_goes_on_and_a_second_one_is_refused",
        ),
    ),
    Row(
        "F12",
        "the running program is another build than the one at hand",
        "a run whose build differs from that of the command, or changes after arming",
        "nothing is armed, and a leave that was given ends",
        (
            "test_a_run_that_is_not_the_one_meant_is_not_armed",
            "test_anything_odd_ends_it",
        ),
    ),
    Row(
        "F13",
        "a model, an instrument or a library is missing",
        "settings that name what does not exist; the library for a venue taken away",
        "no start, and the way out is named; nothing is put in its place",
        (
            "test_a_setting_that_makes_no_sense_is_refused_by_name",
            "test_a_symbol_nobody_has_rules_for_is_refused_before_anything_starts",
            "test_without_the_library_nobody_is_compared_and_the_remedy_is_named",
        ),
    ),
    Row(
        "F14",
        "it dies at every start",
        "a child of `quantum run --keep` that dies at once",
        "after five deaths in ten minutes it stays down and HALT is latched; stops stay",
        (
            "test_what_dies_too_often_stays_down_and_is_halted",
            "test_a_folder_that_cannot_be_latched_stays_down_all_the_same",
        ),
    ),
)
