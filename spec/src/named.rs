//! Closed lists of words: an enum whose variants each have one name, as it is written, stored and shown.

#[doc(hidden)]
pub use serde as __serde;

/// Makes an enum of a closed list of words, for the crates of this project.
#[doc(hidden)]
#[macro_export]
macro_rules! named {
    ($(#[$doc:meta])* $vis:vis enum $enum:ident { $($(#[$each:meta])* $variant:ident = $name:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        $vis enum $enum {
            $($(#[$each])* $variant,)*
        }

        impl $enum {
            /// Every one there is.
            $vis const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its name: it never changes.
            #[must_use]
            $vis fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The one of that name.
            #[must_use]
            $vis fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == name)
            }
        }

        impl ::std::fmt::Display for $enum {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl $crate::named::__serde::Serialize for $enum {
            fn serialize<S: $crate::named::__serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> $crate::named::__serde::Deserialize<'de> for $enum {
            fn deserialize<D: $crate::named::__serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <::std::string::String as $crate::named::__serde::Deserialize>::deserialize(deserializer)?;
                Self::from_name(&name)
                    .ok_or_else(|| $crate::named::__serde::de::Error::unknown_variant(&name, &[$($name),*]))
            }
        }
    };
}
