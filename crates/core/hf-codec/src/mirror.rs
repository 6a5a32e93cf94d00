//! Small enums of the domain inside other formats: a body of the same variants, and the ways there and back.

macro_rules! mirrored {
    ($($domain:ident as $body:ident { $($variant:ident),* })*) => {$(
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $body { $($variant),* }

        impl From<$domain> for $body {
            fn from(value: $domain) -> Self {
                match value { $($domain::$variant => $body::$variant),* }
            }
        }

        impl From<$body> for $domain {
            fn from(body: $body) -> Self {
                match body { $($body::$variant => $domain::$variant),* }
            }
        }
    )*};
}
pub(crate) use mirrored;
