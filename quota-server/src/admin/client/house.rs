//! The client of the house's own book.

use super::{Client, ClientError};
use crate::admin::wire::{CreateMovement, Movements, PostedMovement};
use reqwest::Method;

impl Client {
    /// Posts a movement to the house's book, once per id.
    ///
    /// # Errors
    /// [`ClientError`]; codes `exceeds`, `unknown_variance`, `unknown_movement`, `reversed`, `is_reversal`, `resolved`, and `conflict` if
    /// the id stands for another movement.
    pub async fn post_movement(&self, new: &CreateMovement) -> Result<PostedMovement, ClientError> {
        let request = self.request(Method::POST, "house/movements").json(new);
        self.send(request).await
    }

    /// What happened in the house's book, newest first.
    ///
    /// # Errors
    /// [`ClientError`].
    pub async fn movements(&self) -> Result<Movements, ClientError> {
        self.get("house/movements", &[]).await
    }
}
