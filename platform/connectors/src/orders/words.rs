//! The words for where an order, a parcel or an event stands. The same ones in mappings, in the database and in locales.

/// Makes an enum whose variants are stored and mapped as one word each.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$inner])* $variant),+ }

        impl $name {
            /// All of them, in their natural order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stored word.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value of a stored word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.word() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// Where an order stands.
    OrderStatus {
        Received = "received",
        Confirmed = "confirmed",
        InProduction = "in_production",
        OnHold = "on_hold",
        Backordered = "backordered",
        PartiallyShipped = "partially_shipped",
        Shipped = "shipped",
        Delivered = "delivered",
        Cancelled = "cancelled",
        /// The source's code is not in the mapping: the customer reads "In progress", staff an alert.
        InProgress = "in_progress",
    }
}

impl OrderStatus {
    /// What a mapping may say.
    pub const WORDS: &'static str = "received, confirmed, in_production, on_hold, backordered, partially_shipped, shipped, \
                                     delivered, cancelled";

    /// Nothing more will happen to it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Delivered | Self::Cancelled)
    }
}

words! {
    /// Where a parcel is.
    ShipmentStatus {
        Packed = "packed",
        InTransit = "in_transit",
        Delivered = "delivered",
        Returned = "returned",
    }
}

impl ShipmentStatus {
    /// What a mapping may say.
    pub const WORDS: &'static str = "packed, in_transit, delivered, returned";
}

words! {
    /// What happened to an order.
    EventKind {
        Received = "received",
        Status = "status",
        /// The date that was promised at first.
        Promised = "promised",
        /// The date that holds now.
        Expected = "expected",
        Hold = "hold",
        Released = "released",
        Shipped = "shipped",
        Delivered = "delivered",
        Cancelled = "cancelled",
        /// The order is gone from the source.
        Removed = "removed",
        /// It is there again.
        Restored = "restored",
        Note = "note",
    }
}

impl EventKind {
    /// What a mapping may say.
    pub const WORDS: &'static str =
        "received, status, promised, expected, hold, released, shipped, delivered, cancelled, note";
}
