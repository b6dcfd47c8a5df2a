//! A message's headers as the host gave them: names in lower case, in order, repeated ones repeated.

/// All headers of one message. The host's own lookup returns only the first of a repeated header; this one knows them all.
#[derive(Clone, Default)]
pub struct Headers {
    pairs: Vec<(String, Vec<u8>)>,
}

impl Headers {
    /// Takes the pairs as the host gave them.
    #[must_use]
    pub fn new(pairs: Vec<(String, Vec<u8>)>) -> Self {
        Self { pairs }
    }

    /// The first value, if it is UTF-8.
    #[must_use]
    pub fn text<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        self.all(name)
            .next()
            .and_then(|value| core::str::from_utf8(value).ok())
    }

    /// The value of a header that may stand only once.
    #[must_use]
    pub fn only<'a>(&'a self, name: &'a str) -> Option<&'a str> {
        let mut values = self.all(name);
        let first = values.next()?;
        if values.next().is_some() {
            return None;
        }
        core::str::from_utf8(first).ok()
    }

    /// Every value of a header.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.pairs
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| value.as_slice())
    }

    /// Every name that `pick` picks, once.
    #[must_use]
    pub fn names(&self, pick: impl Fn(&str) -> bool) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (name, _) in &self.pairs {
            if pick(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }

    /// Whether there is any such header.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(other, _)| other == name)
    }
}
