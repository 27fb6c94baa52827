"""Faults of what the venue tells by itself, and of the account behind our back."""

from tests.faults.row import Row

ACCOUNT = (
    Row(
        "F69",
        "events come twice, or hours later",
        "reports and fills repeated, also after a restart",
        "booked once, by the id of the trade",
        (
            "test_a_venue_that_repeats_itself_is_heard_once",
            "test_an_old_fill_that_comes_again_with_a_later_cancel_is_booked_once",
            "test_fills_that_are_told_again_after_a_restart_are_known",
            "test_a_trade_is_reported_once_however_often_it_is_told",
        ),
    ),
    Row(
        "F70",
        "fills before their order, events with a gap",
        "events of a real stream held back, swapped and lost",
        "the same end; what is missing is asked for",
        (
            "test_a_fill_that_comes_before_its_trigger_is_told_after_it",
            "test_events_that_are_lost_are_found_out_and_asked_for",
            "test_a_stop_may_fill_without_ever_being_confirmed",
        ),
    ),
    Row(
        "F71",
        "the line for events ends, expires, or is silent",
        "listen keys that end, connections that are cut, a stream that says nothing",
        "a new line, and what happened meanwhile is asked for before anything newer is shown",
        (
            "test_the_streams_key_is_kept_alive_and_its_loss_makes_a_new_one",
            "test_what_happened_while_the_line_was_down_is_reported",
            "test_while_the_past_cannot_be_had_nothing_newer_is_shown",
            "test_an_order_the_stream_is_silent_about_is_asked_for",
        ),
    ),
    Row(
        "F72",
        "a hand trades, the venue liquidates, deleverages, settles",
        "each of them at a venue, and by its recorded messages",
        "booked under its own cause; plans end or are made smaller; what nobody owns is adopted",
        (
            "test_a_liquidation_ends_the_plan_under_its_own_name",
            "test_a_trade_of_the_venues_own_says_why",
            "test_what_nobody_owns_is_adopted",
            "test_trades_that_no_report_told_are_asked_for_and_booked_once",
            "test_funding_is_told_with_its_numbers",
        ),
    ),
    Row(
        "F73",
        "hedge mode, leverage or margin are changed by hand",
        "an account that is set otherwise, at the start and later",
        "refused at the start; later an alert: no entry until it is put back",
        (
            "test_an_account_that_is_set_otherwise_is_refused_and_left_alone",
            "test_terms_that_a_hand_changed_hold_up_every_entry_until_they_are_put_back",
            "test_hedge_mode_is_an_alert_for_the_whole_account",
        ),
    ),
    Row(
        "F74",
        "the account cannot be seen, or seems empty",
        "questions without an answer, and answers with nothing in them",
        "nothing changes; an empty answer is not believed for a minute",
        (
            "test_a_question_without_an_answer_changes_nothing_and_says_nothing",
            "test_an_answer_with_nothing_in_it_is_not_believed_for_a_minute",
            "test_an_account_that_cannot_be_seen_is_not_flat_and_changes_nothing",
        ),
    ),
    Row(
        "F75",
        "the price jumps through the stop; venues disagree; nobody bids",
        "recorded crashes, random markets, simulated gaps",
        "a loss that the rules of the exchange bound; no order that it would refuse; a position is "
        "left or covered",
        (
            "test_the_crash_of_february_at_twenty_times_leverage",
            "test_no_market_and_no_proposer_breaks_a_promise",
            "test_levels_leave_room_for_what_venues_disagree_about",
            "test_a_stop_that_was_crossed_and_not_filled_is_followed_by_a_market_order",
        ),
    ),
)
