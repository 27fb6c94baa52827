"""Faults of messages: repeated, in another order, unreadable, ambiguous, or without an end."""

from tests.faults.row import Row

MESSAGES = (
    Row(
        "F38",
        "a message is delivered again, at once or days later",
        "deliveries and proposals repeated in simulated lives; the same signal much later",
        "one effect, for ever: the ids of plans that were made are never forgotten",
        (
            "test_the_same_signal_never_makes_a_second_plan_however_late",
            "test_a_command_that_comes_again_is_not_sent_again_and_says_nothing_new",
            "test_a_loop_that_dies_anywhere_ends_where_a_straight_fold_does",
        ),
    ),
    Row(
        "F39",
        "messages come in another order",
        "orders of many symbols whose answers take different times; events out of order",
        "within a symbol the order is kept, and symbols do not wait for each other",
        (
            "test_one_symbol_keeps_its_order_and_another_does_not_wait_for_it",
            "test_streams_are_read_in_the_order_of_the_table",
            "test_events_told_twice_and_out_of_order_are_reported_once",
        ),
    ),
    Row(
        "F40",
        "an intent is flat, or packed in an envelope",
        "the same intent in both forms, and whatever else, by chance",
        "both say the same, or a refusal that says why",
        (
            "test_flat_and_enveloped_say_the_same",
            "test_a_message_that_cannot_be_opened_is_refused",
            "test_whatever_comes_is_an_intent_or_a_clear_refusal",
        ),
    ),
    Row(
        "F41",
        "a number is none: nothing, a word, infinite, true, nested",
        "every field of an intent with each of them; arbitrary values by chance",
        "refused by the field's name, never dropped and never zero",
        (
            "test_what_is_no_number_is_refused_by_name_and_never_dropped",
            "test_arbitrary_values_never_raise_anything_else",
            "test_an_optional_value_that_is_missing_is_missing",
        ),
    ),
    Row(
        "F42",
        "a time in seconds, in text, without a zone, in the future, in 1970",
        "every usual writing of a time, and what is none",
        "one value to the millisecond, or a refusal; never the present, and what is old is refused",
        (
            "test_a_time_in_any_usual_form_is_read_to_the_millisecond",
            "test_a_time_that_is_none_is_never_now",
            "test_times_under_two_names_must_agree",
            "test_an_entry_that_is_too_old_never_leaves",
        ),
    ),
    Row(
        "F43",
        "sides in other words",
        "BUY, LONG and their like, in any case, and words nobody knows",
        "read, or refused; never guessed",
        (
            "test_a_side_is_read_in_either_vocabulary",
            "test_an_unknown_side_is_refused_and_never_guessed",
            "test_sides_under_two_names_must_agree",
        ),
    ),
    Row(
        "F44",
        "percent taken for a fraction",
        "sizes, levels, fees and settings a hundred times too large",
        "refused by name: outside what it can be, or it could mean two things",
        (
            "test_a_size_or_level_that_could_mean_two_things_is_refused",
            "test_a_value_out_of_bounds_is_refused_by_name",
            "test_a_fee_that_is_a_percent_number_or_a_gift_is_refused",
            "test_a_stop_that_would_move_by_percent_numbers_is_refused",
        ),
    ),
    Row(
        "F45",
        "a fact of another version",
        "facts with fields more and fields less, names nobody knows, and every fact ever written",
        "more is borne, less is refused by name, what is unknown becomes a dead letter",
        (
            "test_a_newer_producer_does_not_break_an_older_consumer",
            "test_a_missing_required_field_is_named",
            "test_a_name_nobody_knows_is_refused",
            "test_every_old_fact_still_reads_and_nothing_it_said_is_lost",
            "test_an_undecodable_message_becomes_a_dead_letter_with_its_original_bytes",
        ),
    ),
    Row(
        "F46",
        "a message is huge, nested without end, or in letters that are no ASCII",
        "64 KiB, ten thousand levels, bytes that are no text, symbols in Chinese",
        "refused by size or depth; ids stay short and ASCII whatever the symbol",
        (
            "test_a_message_that_cannot_be_opened_is_refused",
            "test_ids_are_short_ascii_whatever_the_symbol",
            "test_text_from_outside_cannot_drive_the_terminal",
        ),
    ),
    Row(
        "F47",
        "somebody writes where nobody reads, or reads where nobody writes",
        "tables of streams that are wrong; an edge on which nobody listens",
        "the table says so before anything runs; a canary that does not arrive is red",
        (
            "test_the_table_does_not_contradict_itself",
            "test_a_row_that_is_wrong_is_named",
            "test_an_edge_that_nobody_listens_on_is_named",
            "test_a_canary_that_is_late_is_red_and_names_the_edge",
        ),
    ),
    Row(
        "F48",
        "a long backlog waits at the start",
        "more entries than a group has read, old intents among them",
        "it is read, or passed over by a person, counted and on record; nothing old is executed",
        (
            "test_what_was_passed_over_is_counted_on_record_and_read_no_more",
            "test_orders_fills_and_the_words_of_people_are_never_passed_over",
            "test_an_entry_that_is_too_old_never_leaves",
        ),
    ),
)
