//! The law of the desk, pure: an event comes in with the time, effects go out. No sockets, files,
//! threads or clock.
//!
//! [`Router::handle`] decides; whoever owns the router commits the rows among the effects in one
//! transaction and then rings the bells. [`Router::next_deadline`] says when to come back with
//! [`Event::Tick`]. If the commit fails, the router is thrown away and built again from the spool.

mod act;
mod actor;
mod acts;
mod ages;
mod alarms;
mod amend;
mod answers;
mod arrivals;
mod authority;
mod automatic;
mod blocks;
pub mod book;
mod breaker;
mod canned;
mod consent;
mod deliveries;
mod effect;
mod effects;
mod event;
mod forgetting;
mod hours;
mod ids;
mod memory;
mod missed;
mod need;
mod notice;
mod notices;
mod offered;
mod offers;
mod opening;
mod opt_outs;
mod opting_out;
mod outages;
mod plan;
mod presence;
mod pseudonym;
mod reach;
mod rearrangement;
mod recently_erased;
mod record;
mod refusal;
mod rollover;
mod router;
#[cfg(test)]
mod simulation;
mod staff;
mod start_conversation;
mod state;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod test_desk;
mod threads;
mod timers;
mod transfers;
mod translations;
mod turn;

pub use act::{Act, AuditAction};
pub use actor::Actor;
pub use ages::{spoken, spoken_since};
pub use amend::{AmendError, Amendment, Listed};
pub use authority::Right;
pub use blocks::block_holds;
pub use canned::{Canned, CannedChange};
pub use consent::{Languages, invitation, law, means_stop};
pub use effect::Effect;
pub use event::{Event, Moment, Show};
pub use hours::{Calendar, DayHours, HOLIDAYS_MAX, Hours, HoursError, Opening};
pub use ids::{
    ArrivalId, ConversationId, EndpointId, GatewayId, MessageId, OperatorId, PatronId, QueueId,
};
pub use need::{Need, Recalled};
pub use notice::Notice;
pub use notices::{KEYWORD_NAMES, Values, keyword_answer, unknown_name};
pub use plan::{
    Fallback, Gateway, GatewayKind, Keyword, Library, Name, OfflinePolicy, Operator, Plan, Queue,
    Role, answerable, check_name,
};
pub use record::{
    Answered, Author, Conversation, ConversationState, DeliveryState, Direction, Marks, Message,
    Patron, Promise, Repeats, Rollover, Transfer, TransferTarget, Whose,
};
pub use refusal::Refusal;
pub use router::Router;
pub use state::Restored;
