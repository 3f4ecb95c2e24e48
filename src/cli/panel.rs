//! The front panel of this box, if the configuration has one.

use std::time::Instant;

use super::config::Config;
use crate::daemon::House;
use crate::hardware::{CdevBoard, HardwareError, Panel};
use crate::routing::{Amendment, Role};

/// Puts the panel to work. A box whose pins cannot be had is told so, and goes on without lamps.
///
/// # Errors
/// When the configuration gives a pin two roles, or the switch's operator cannot be made.
pub(super) async fn seat(house: &mut House, config: &Config) -> anyhow::Result<()> {
    let Some(pins) = config.panel.pins() else {
        return Ok(());
    };
    if let (Some(name), Some(queue)) = (config.panel.switch_operator(), &config.panel.queue) {
        engage(house, name, queue.clone()).await?;
    }
    let opened = CdevBoard::open().and_then(|board| Panel::open(pins, &board, Instant::now()));
    match opened {
        Ok(panel) => house.seat_panel(panel, config.panel.duty(&config.library().name)),
        Err(error @ HardwareError::Shared { .. }) => return Err(error.into()),
        Err(error) => tracing::error!("[panel]: {error}; the desk goes on without it"),
    }
    Ok(())
}

/// The operator that a queue's switch signs in: assigned to that queue, and with no way to enter.
async fn engage(house: &House, name: String, queue: String) -> anyhow::Result<()> {
    let known = {
        let board = house.desk().board();
        let board = board.borrow();
        let mut operators = board.plan.operators.iter();
        operators.any(|operator| operator.name == name)
    };
    let queues = vec![queue];
    let amendment = match known {
        true => Amendment::SetOperator {
            name,
            password_hash: None,
            role: None,
            queues: Some(queues),
        },
        false => Amendment::AddOperator {
            name,
            password_hash: None,
            role: Role::Operator,
            queues,
        },
    };
    house.desk().amend(amendment).await?;
    Ok(())
}
