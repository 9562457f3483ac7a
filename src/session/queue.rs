//! The offline queue: what was asked for while there was no connection.

use super::event::OperationId;
use super::operation::{Body, Operation};
use crate::config::{DropBehavior, SessionConfig};
use crate::error::{Code, Error};
use std::collections::VecDeque;

#[derive(Debug)]
pub(super) struct Queue<T, H> {
    operations: VecDeque<Box<Operation<T, H>>>,
    bytes: usize,
}

impl<T, H> Default for Queue<T, H> {
    fn default() -> Self {
        Queue {
            operations: VecDeque::new(),
            bytes: 0,
        }
    }
}

impl<T, H> Queue<T, H> {
    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes room for one more. Gives the operation that had to go for it, if any. On an error nothing has changed.
    ///
    /// Only publishes are evicted: a subscription that silently never comes into being would be worse than a lost sample.
    pub(super) fn make_room(
        &mut self,
        config: &SessionConfig,
    ) -> Result<Option<Box<Operation<T, H>>>, Error> {
        let Some(size) = config.queue_size else {
            return Ok(None);
        };
        if size == 0 {
            return Err(Error::new(
                Code::QueueDisabled,
                "offline queueing is disabled, and there is no connection, or what was queued before is still being sent",
            ));
        }
        if self.len() < size {
            return Ok(None);
        }
        let full = || {
            Error::new(
                Code::QueueFull,
                format!("the offline queue holds {size} operations, its limit"),
            )
        };
        if config.drop_behavior == DropBehavior::Newest {
            return Err(full());
        }
        let oldest = self
            .operations
            .iter()
            .position(|operation| matches!(operation.body, Body::Publish { .. }))
            .ok_or_else(full)?;
        Ok(self.remove_at(oldest))
    }

    pub(super) fn push(&mut self, operation: Box<Operation<T, H>>) {
        self.bytes += operation.size();
        self.operations.push_back(operation);
    }

    pub(super) fn first(&self) -> Option<&Operation<T, H>> {
        self.operations.front().map(|operation| &**operation)
    }

    pub(super) fn pop(&mut self) -> Option<Box<Operation<T, H>>> {
        self.remove_at(0)
    }

    /// Operations are queued in the order of their ids, so one is found in logarithmic time.
    pub(super) fn remove(&mut self, id: OperationId) -> Option<Box<Operation<T, H>>> {
        let index = self
            .operations
            .binary_search_by_key(&id, |operation| operation.id)
            .ok()?;
        self.remove_at(index)
    }

    fn remove_at(&mut self, index: usize) -> Option<Box<Operation<T, H>>> {
        let operation = self.operations.remove(index)?;
        self.bytes -= operation.size();
        if self.operations.is_empty() {
            self.operations.shrink_to(0);
        }
        Some(operation)
    }
}
