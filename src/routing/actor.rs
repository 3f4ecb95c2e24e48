//! Who does something to a conversation.

use super::ids::OperatorId;

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Actor {
    /// A librarian.
    Operator(OperatorId),
    /// A command on the box, in nobody's name.
    Box,
    /// The box that relayed the patron to this one (clause 7).
    Peer,
}

impl Actor {
    /// The librarian, if it is one.
    pub fn operator(self) -> Option<OperatorId> {
        match self {
            Actor::Operator(operator) => Some(operator),
            Actor::Box | Actor::Peer => None,
        }
    }
}

impl From<OperatorId> for Actor {
    fn from(operator: OperatorId) -> Self {
        Actor::Operator(operator)
    }
}
