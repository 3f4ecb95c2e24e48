//! Why something was not done.

use super::ids::OperatorId;

/// Why an operator's wish was not granted. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing, or not for this operator.
    #[error("there is no such conversation; it may have been erased: reload the list")]
    NoSuchConversation,
    /// The message is not there.
    #[error("there is no such message in this conversation: reload it")]
    NoSuchMessage,
    /// The operator is not on the plan.
    #[error("there is no such operator; ask whoever keeps the desk to add the name")]
    NoSuchOperator,
    /// The gateway is not on the plan, or was removed.
    #[error("there is no such gateway any more: choose another")]
    NoSuchGateway,
    /// The queue is not on the plan.
    #[error("there is no such queue any more: choose another")]
    NoSuchQueue,
    /// Someone else claimed first; the words stay with their author.
    #[error("answered by {by}")]
    AnsweredBy {
        /// The claimant's name.
        by: String,
        /// The claimant.
        operator: OperatorId,
    },
    /// Only the claimant may do this.
    #[error("only whoever answers this conversation can do that: claim it first")]
    NotYours,
    /// Nobody of this kind may do this.
    #[error("only an operator can do that, under a name of their own: ask one of its queue")]
    NotPermitted,
    /// It is closed already.
    #[error("this conversation is closed; it opens again when the patron writes or you send")]
    Closed,
    /// The patron said STOP.
    #[error("this patron opted out of texts from us; only their own START opens the way again")]
    OptedOut,
    /// Words are missing.
    #[error("there is nothing to send: write something first")]
    Empty,
    /// It would be more texts than a patron should get for one answer.
    #[error("this would be {segments} texts, more than {most}: longer answers belong in e-mail")]
    TooLong {
        /// How many it would be.
        segments: usize,
        /// How many there may be.
        most: usize,
    },
    /// A name or short code that cannot be answered.
    #[error("this sender cannot be answered: it is a name or a service, not a telephone")]
    NotAnswerable,
    /// What was written is no number that can be texted.
    #[error(transparent)]
    Number(#[from] crate::numbers::NumberError),
    /// Transfer to oneself, to where it is, or to nobody.
    #[error("{0}")]
    BadTransfer(String),
    /// What was asked cannot be; says why and what to do.
    #[error("{0}")]
    Unfit(String),
    /// The message was not failed or unknown.
    #[error("this message was not lost; only failed or unknown ones can be sent again")]
    NotRetryable,
    /// The patron's text is not kept: policy *refuse* while the queue is offline.
    #[error("Chat is offline")]
    Offline,
}
