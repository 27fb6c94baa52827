"""Faults of what the venue answers to a request."""

from tests.faults.row import Row

REPLIES = (
    Row(
        "F49",
        "an entry was taken, and the answer is lost",
        "a venue that drops the connection, or says that it does not know",
        "found by its name; one entry",
        (
            "test_a_lost_answer_is_asked_for_and_the_order_is_never_sent_again",
            "test_an_order_whose_answer_is_lost_is_found_and_was_made_once",
            "test_no_venue_leaves_a_position_naked_or_an_intent_unanswered",
        ),
    ),
    Row(
        "F50",
        "an entry was not taken, and no answer comes",
        "a venue that loses the request",
        "dead when everything denied it for a minute; not entered again",
        (
            "test_an_order_is_dead_when_everything_denied_it_for_a_minute",
            "test_a_question_without_an_answer_is_no_denial",
        ),
    ),
    Row(
        "F51",
        "an order is taken late: seconds, or after it was given up",
        "a venue that shows the order later",
        "taken in with its plan, protected, or closed at once where the plan is over",
        (
            "test_an_order_that_arrives_late_is_adopted",
            "test_an_order_that_arrives_after_its_funeral_is_told_with_its_plan",
            "test_the_dead_are_watched_for_a_day_and_what_is_found_is_told_once",
            "test_a_fill_of_an_entry_that_was_given_up_is_closed_at_once",
        ),
    ),
    Row(
        "F52",
        "an answer of 5xx, in HTML, or cut off",
        "each status and each broken body, by a venue and by a server that says anything",
        "what may have been done is unknown; what the venue says it did not do is tried again",
        (
            "test_an_answer_that_is_no_answer_says_what_became_of_the_order",
            "test_what_a_broken_answer_means",
            "test_an_order_that_the_venue_was_too_busy_for_was_not_made",
        ),
    ),
    Row(
        "F53",
        "a time-out, then the event, then whoever would try again",
        "-1007 before the order is told as accepted",
        "no second order",
        ("test_a_time_out_that_was_an_acceptance_leads_to_no_second_order",),
    ),
    Row(
        "F54",
        "the venue denies an order that exists, for half an hour",
        "-2013 from the order query alone",
        "found where it rests or by its trades; no second one beside it",
        (
            "test_a_stop_that_its_own_query_forgets_for_half_an_hour_has_no_second_beside_it",
            "test_an_order_that_its_own_query_forgot_is_found_where_it_rests",
            "test_an_order_that_its_own_query_forgot_is_found_by_its_trades",
        ),
    ),
    Row(
        "F55",
        "a name that is on an open order already",
        "-4116 to an order",
        "it exists, so it is asked about",
        ("test_a_name_that_is_on_an_open_order_already_is_asked_about",),
    ),
    Row(
        "F56",
        "our clock is wrong at the venue",
        "-1021; a venue whose clock jumps",
        "measured anew, and nothing tried again blindly; beyond the bound no entry, every exit",
        (
            "test_a_wrong_time_is_measured_anew_before_anybody_tries_again",
            "test_a_clock_that_is_off_holds_entries_and_no_exit",
            "test_a_venue_whose_clock_is_off_gets_no_entry_and_every_exit",
        ),
    ),
    Row(
        "F57",
        "the key is refused",
        "401 and -2015 from every request",
        "all sending ends, a person is called, no order id is invented, what was sent is known",
        (
            "test_a_refused_key_stops_everything_and_what_was_sent_is_known",
            "test_a_key_that_ends_locks_the_door",
            "test_an_exchange_that_fails_is_red_and_says_at_what",
        ),
    ),
    Row(
        "F58",
        "too many requests, then a ban",
        "429 and 418 with positions open",
        "a share is kept for exits; after a ban nothing leaves, and stops stand at the venue",
        (
            "test_after_a_429_only_exits_leave_and_after_a_418_nothing_does",
            "test_weight_that_runs_out_holds_entries_then_questions_and_never_exits",
            "test_who_asks_too_much_is_told_so_and_then_banned",
        ),
    ),
    Row(
        "F59",
        "the venue is overloaded for an hour, for exits too",
        "-1008 to everything",
        "exits are tried all the while, the stop stands, entries wait",
        (
            "test_an_hour_of_refusals_is_an_hour_of_trying_with_the_stop_in_place",
            "test_whatever_the_venue_fails_at_entries_wait_and_exits_go_on",
            "test_a_venue_that_says_it_is_overloaded_has_failed_and_one_that_refuses_has_not",
        ),
    ),
    Row(
        "F60",
        "a filter of the venue: smallest notional, grid, largest quantity",
        "every quantity and price by chance, on grids of all kinds",
        "sizes are legal by construction; legs that are too small are merged",
        (
            "test_legs_sum_exactly_and_the_venue_takes_each",
            "test_a_leg_under_the_smallest_quantity_waits_for_the_next_target",
            "test_rounding_never_leaves_the_grid_nor_moves_by_a_whole_step",
            "test_more_than_one_order_may_have_is_closed_in_parts",
        ),
    ),
    Row(
        "F61",
        "no margin, or a leverage that is not allowed",
        "-2019, -2027 and their like to an entry or before it",
        "the entry is refused cleanly, and no stop is left behind",
        (
            "test_a_refused_order_and_a_refused_leverage_end_with_the_venues_own_code",
            "test_an_entry_that_is_refused_leaves_no_stop_behind",
        ),
    ),
    Row(
        "F62",
        "a stop would trigger at once",
        "-2021 to the first stop, and to one that moves",
        "out at once where nothing protects; else the old stop stays",
        (
            "test_a_stop_the_market_has_passed_means_leaving_now",
            "test_a_price_that_has_passed_the_stop_has_the_position_closed_at_once",
            "test_a_refused_replacement_leaves_the_old_stop_in_force",
        ),
    ),
    Row(
        "F63",
        "a reduction is refused: there is less than believed",
        "-2022 to stops and exits",
        "no answer to it makes a position; what stands is found by looking, and what cannot be "
        "protected is closed",
        (
            "test_a_stop_refused_at_its_trigger_means_leaving",
            "test_a_position_that_is_not_the_books_puts_its_symbol_in_quarantine_until_it_is",
            "test_what_is_gone_is_inferred_although_an_exit_of_it_is_refused_every_second",
            "test_no_venue_leaves_a_position_naked_or_an_intent_unanswered",
        ),
    ),
    Row(
        "F64",
        "the old place for stops is closed",
        "-4120 from it",
        "stops go to the service for conditional orders from the beginning",
        (
            "test_a_stop_goes_to_the_algo_service_with_a_trigger_and_its_own_name",
            "test_stops_on_the_old_endpoint_are_refused_unless_the_venue_is_of_the_old_kind",
        ),
    ),
    Row(
        "F65",
        "no more conditional orders are taken",
        "-4045 to the stop that comes before its entry",
        "without a stop there is no entry; a stop that is refused after the fill ends in leaving",
        (
            "test_without_a_stop_there_is_no_entry",
            "test_a_stop_refused_three_times_means_leaving",
            "test_conditional_orders_keep_the_rules_of_the_algo_service",
        ),
    ),
    Row(
        "F66",
        "a stop is refused, or ends, at the moment of its trigger",
        "a venue that takes it away then",
        "the position is left at market within the bound",
        (
            "test_a_stop_refused_at_its_trigger_means_leaving",
            "test_a_stop_that_was_crossed_and_not_filled_is_followed_by_a_market_order",
            "test_a_lost_stop_is_replaced_at_once",
        ),
    ),
    Row(
        "F67",
        "a stop triggers and fills in part",
        "a market order that ends before it has filled",
        "the rest is closed at once",
        (
            "test_what_a_stop_leaves_behind_is_closed_at_once",
            "test_an_exit_that_could_not_close_all_is_followed_by_another_at_once",
        ),
    ),
    Row(
        "F68",
        "grid, tiers or state of a symbol change",
        "a venue that changes its filters or halts a symbol",
        "the change becomes a rule, soon where an order was refused by it; entries are refused "
        "where nobody trades; stops and exits of open positions are sent on the new grid",
        (
            "test_what_changes_at_the_venue_is_ordered_once",
            "test_a_refusal_by_rules_that_we_do_not_have_is_a_reason_to_ask_soon",
            "test_a_stop_that_moves_is_on_the_new_grid_and_covers_all",
            "test_everything_can_be_closed_although_it_is_no_whole_number_of_steps",
            "test_symbols_halt_filters_change_and_clocks_go_wrong",
            "test_an_instrument_that_vanishes_does_not_leave_its_position_alone",
        ),
    ),
)
