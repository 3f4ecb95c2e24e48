//! What is done to a conversation: one table says who may, what is audited and what the router has
//! to be told first.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::actor::Actor;
use super::ids::{ConversationId, MessageId};
use super::need::Need;
use super::record::TransferTarget;

/// One of the things that can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", content = "with", rename_all = "snake_case")]
pub enum Act {
    /// Answer the patron: claims the conversation if nobody has.
    Send {
        /// The words.
        body: String,
        /// The sender's key for it.
        client_id: Option<String>,
    },
    /// Take it without answering yet; accept a transfer.
    Claim,
    /// Give it back to its queue.
    Release,
    /// Give it back to the queue it came from, which alone has it then (clause 7); it ends when the
    /// patron's last words were answered.
    Return,
    /// It needs no answer here any more: it ends (clause 7).
    CallBack {
        /// Why, for whoever had it or was offered it: `answered by ana (desk.example.org)`.
        reason: String,
    },
    /// End it.
    Close,
    /// Hand it over.
    Transfer {
        /// To whom.
        to: TransferTarget,
        /// What the next librarian should know.
        note: String,
    },
    /// Open it again without a word to the patron: an operator takes it, a command puts it before
    /// its queue.
    Reopen,
    /// A line for colleagues, never sent to the patron.
    Note(String),
    /// The tags from now on.
    Tag(Vec<String>),
    /// What the desk owes this patron; empty takes the promise back.
    Promise(String),
    /// Nothing this sender writes comes before anyone for a day.
    Block,
    /// It does again.
    Unblock,
    /// This patron gets no more texts from us, until their own START (clause 9).
    OptOut,
    /// Show the number behind the patron's name, and write down who saw it.
    Reveal,
    /// Send a failed or unknown message again, knowing that it may arrive twice.
    Retry {
        /// Which.
        message: MessageId,
    },
}

/// Which operators may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operators {
    None,
    /// Whoever sees the conversation.
    WhoSee,
    /// Those who know the patron by name: who only help another library out do not.
    WhoKnowThem,
    /// The same, unless a colleague answers it.
    WhoSeeItFree,
    /// The same, while it is open.
    WhoSeeItFreeAndOpen,
    /// Whoever answers it.
    WhoAnswer,
    /// Whoever sees it and works for the library whose patron it is (clause 7).
    AtHome,
}

/// When an act is written down for whoever keeps the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audited {
    Never,
    /// When nobody's name stands beside it otherwise.
    OnTheBox(AuditAction),
    Always(AuditAction),
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) operators: Operators,
    /// Who may beside operators.
    pub(super) others: Option<Actor>,
    pub(super) audited: Audited,
    /// The message that it is about.
    pub(super) message: Option<MessageId>,
}

impl Act {
    /// An answer without a key.
    pub fn send(body: impl Into<String>) -> Self {
        Act::Send {
            body: body.into(),
            client_id: None,
        }
    }

    /// The table.
    #[rustfmt::skip]
    pub(super) fn rule(&self) -> Rule {
        use AuditAction::{
            BlockedSender, OptedPatronOut, ReopenedConversation, RevealedNumber, SetTags,
            UnblockedSender,
        };
        use Audited::{Always, Never, OnTheBox};
        use Operators::{
            AtHome, None as No, WhoAnswer, WhoKnowThem, WhoSee, WhoSeeItFree, WhoSeeItFreeAndOpen,
        };
        const BOX: Option<Actor> = Some(Actor::Box);
        const PEER: Option<Actor> = Some(Actor::Peer);
        //                                which operators      others audited                         message
        let (operators, others, audited, message) = match self {
            Act::Send { .. }          => (WhoSeeItFree,        None, Never,                          None),
            Act::Claim                => (WhoSeeItFreeAndOpen, None, Never,                          None),
            Act::Release              => (WhoAnswer,           None, Never,                          None),
            Act::Return               => (WhoSeeItFreeAndOpen, None, Never,                          None),
            Act::CallBack { .. }      => (No,                  PEER, Never,                          None),
            Act::Close                => (WhoAnswer,           None, Never,                          None),
            Act::Transfer { .. }      => (WhoAnswer,           None, Never,                          None),
            Act::Reopen               => (WhoSee,              BOX,  OnTheBox(ReopenedConversation), None),
            Act::Note(_)              => (WhoSee,              None, Never,                          None),
            Act::Tag(_)               => (WhoSee,              BOX,  OnTheBox(SetTags),              None),
            Act::Promise(_)           => (WhoSee,              None, Never,                          None),
            Act::Block                => (WhoKnowThem,         BOX,  Always(BlockedSender),          None),
            Act::Unblock              => (WhoKnowThem,         BOX,  Always(UnblockedSender),        None),
            Act::OptOut               => (WhoSee,              BOX,  Always(OptedPatronOut),         None),
            Act::Reveal               => (AtHome,              None, Always(RevealedNumber),         None),
            Act::Retry { message }    => (WhoSeeItFree,        None, Never,                          Some(*message)),
        };
        Rule { operators, others, audited, message }
    }

    /// What the router has to be told before it can decide.
    pub(super) fn needs(&self, on: ConversationId) -> impl Iterator<Item = Need> {
        let message = self.rule().message.map(Need::Message);
        [Need::Conversation(on)].into_iter().chain(message)
    }

    /// What is written down of it.
    pub(super) fn audited(&self, by: Actor) -> Option<AuditAction> {
        match (self.rule().audited, by) {
            (Audited::Always(action), _) | (Audited::OnTheBox(action), Actor::Box) => Some(action),
            (Audited::OnTheBox(_), Actor::Operator(_) | Actor::Peer) | (Audited::Never, _) => None,
        }
    }
}

/// What is written down about an operator or a command on the box, for whoever keeps the desk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditAction {
    /// Saw a patron's number.
    RevealedNumber,
    /// Blocked a sender.
    BlockedSender,
    /// Lifted a block.
    UnblockedSender,
    /// Opted a patron out of texts.
    OptedPatronOut,
    /// Began a conversation with a number.
    BeganConversation,
    /// Opened a closed conversation again, on the box.
    ReopenedConversation,
    /// Set a conversation's tags, on the box.
    SetTags,
}

impl AuditAction {
    const ALL: [AuditAction; 7] = [
        AuditAction::RevealedNumber,
        AuditAction::BlockedSender,
        AuditAction::UnblockedSender,
        AuditAction::OptedPatronOut,
        AuditAction::BeganConversation,
        AuditAction::ReopenedConversation,
        AuditAction::SetTags,
    ];

    /// The word of the audit trail.
    pub fn as_str(self) -> &'static str {
        match self {
            AuditAction::RevealedNumber => "revealed_number",
            AuditAction::BlockedSender => "blocked_sender",
            AuditAction::UnblockedSender => "unblocked_sender",
            AuditAction::OptedPatronOut => "opted_patron_out",
            AuditAction::BeganConversation => "began_conversation",
            AuditAction::ReopenedConversation => "reopened_conversation",
            AuditAction::SetTags => "set_tags",
        }
    }
}

/// A word of the audit trail that is none of these: the trail holds other things too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is nothing that is done to a conversation")]
pub struct NotAnAct;

impl FromStr for AuditAction {
    type Err = NotAnAct;

    fn from_str(word: &str) -> Result<Self, NotAnAct> {
        let mut all = Self::ALL.into_iter();
        all.find(|action| action.as_str() == word).ok_or(NotAnAct)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_of_the_trail_are_read_back() {
        for action in AuditAction::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        assert_eq!("set_gateway".parse::<AuditAction>(), Err(NotAnAct));
    }

    #[test]
    fn acts_travel_as_commands_send_them() {
        for (act, json) in [
            (Act::Reopen, r#"{"act":"reopen"}"#),
            (
                Act::Tag(vec!["fines".into()]),
                r#"{"act":"tag","with":["fines"]}"#,
            ),
            (
                Act::Retry {
                    message: MessageId(7),
                },
                r#"{"act":"retry","with":{"message":7}}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&act).unwrap(), json);
            assert_eq!(serde_json::from_str::<Act>(json).unwrap(), act);
        }
    }

    #[test]
    fn whatever_a_command_on_the_box_may_do_is_written_down() {
        for act in [Act::Reopen, Act::Tag(Vec::new()), Act::Block, Act::Unblock] {
            assert_eq!(act.rule().others, Some(Actor::Box), "{act:?}");
            assert!(act.audited(Actor::Box).is_some(), "{act:?}");
        }
    }
}
