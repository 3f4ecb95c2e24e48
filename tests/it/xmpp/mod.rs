//! Operators and chat patrons through real servers, with clients that share no code with the desk.
//!
//! Every story is told at each server; each telling starts a server of its own on loopback.

mod client;
mod cluster;
mod commands;
mod consortium;
mod deaths;
mod doctor;
mod hostile;
mod library;
mod neighbour;
mod server;
mod slixmpp;
mod stories;
mod strangers;

use std::time::Duration;

/// Nothing in a story takes longer, on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Tells each story at each server.
macro_rules! at_each_server {
    ($($room:ident::$story:ident),* $(,)?) => {
        mod prosody {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$room::$story(super::server::Server::prosody().await).await;
            })*
        }
        mod ejabberd {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                super::$room::$story(super::server::Server::ejabberd().await).await;
            })*
        }
    };
}

at_each_server![
    stories::a_text_is_answered_from_a_client_and_the_receipt_waits_for_the_network,
    stories::the_first_answer_claims_and_the_loser_keeps_the_words,
    stories::a_chat_patron_is_answered_from_the_desk_and_sees_no_librarian,
    stories::a_refused_link_says_why,
    stories::a_client_that_comes_back_under_its_resource_is_served,
    stories::a_client_that_gives_receipts_is_not_pinged_as_well,
    commands::words_to_the_desk_note_answer_block_and_reveal,
    commands::forms_note_answer_block_and_reveal,
    deaths::a_killed_server_loses_no_held_text,
    deaths::a_killed_client_loses_no_held_text,
    deaths::a_killed_daemon_loses_no_held_text_and_finds_its_librarian_again,
    deaths::no_reply_is_silent_when_the_daemon_is_killed,
    deaths::every_reply_that_was_not_taken_comes_back_however_many,
    consortium::another_box_helps_out_and_no_number_crosses,
    consortium::a_conversation_comes_back_from_another_box,
    consortium::what_is_answered_at_home_is_called_back,
    consortium::boxes_that_help_one_another_pass_nothing_round,
    consortium::only_the_box_that_helps_gives_back_and_only_what_it_has,
    consortium::a_box_that_floods_is_slowed_and_nobody_else,
    doctor::the_doctor_asks_the_server_what_it_has,
    strangers::a_librarian_with_slixmpp_answers_and_commands,
    strangers::the_desk_has_the_librarys_name_and_picture,
    strangers::a_patron_with_slixmpp_finds_the_desk_and_is_answered,
    strangers::what_a_client_uploaded_is_on_the_other_side_both_ways,
    hostile::hostile_stanzas_reach_nobody_and_end_nothing,
];
