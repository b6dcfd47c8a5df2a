//! The client of the house's own book.

use super::{Client, ClientError};
use crate::admin::wire::{CreateMovement, Movements, Place, PostedMovement, Thaw, Thawed};
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

    /// Lets the house's frozen book go on, once all of it was verified.
    ///
    /// # Errors
    /// [`ClientError`]; codes `differs`, which names the first difference, and `moved`: it stays frozen.
    pub async fn thaw_house(&self, why: &Thaw) -> Result<Thawed<Place>, ClientError> {
        let request = self.request(Method::POST, "house/thaw").json(why);
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
