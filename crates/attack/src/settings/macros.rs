//! The declaration.

/// Declares the configuration of an attack: a plain struct with public fields, itself as visible as it says, its `DEFAULT`, and what [`Declared`](super::Declared) asks for.
///
/// An entry is one of
/// - `/// Meaning.` `name: Type = default, RANGE;` a setting, for the command line with `-` for `_`. Before the semicolon may stand `, unset "what is
///   done"` where the type is an `Option`, and `, paper "value"`.
/// - `/// Meaning.` `fixed name: Type = default;` a field that is no setting.
/// - `/// Meaning.` `group name: Config = default;` the settings of another configuration.
/// - `/// Meaning.` `part group.name: RANGE;` a setting whose place is a fixed field of a group.
/// - `polish;` the setting that all minimum-norm attacks share.
///
/// Settings are described in the order of the entries, which therefore stays as it is.
macro_rules! settings {
    ($(#[$meta:meta])* $vis:vis struct $config:ident { $($entries:tt)* }) => {
        $crate::settings::settings!(@read $config [{$vis} $(#[$meta])*] [] [] [] $($entries)*);
    };

    (@read $config:ident $meta:tt $fields:tt $defaults:tt $places:tt polish; $($rest:tt)*) => {
        $crate::settings::settings!(@read $config $meta $fields $defaults $places
            /// Number of queries spent at the end on moving the nearest example closer to the clean input; 0 for none.
            polish: u32 = 20, $crate::settings::WHOLE, paper "0";
            $($rest)*
        );
    };

    (@read $config:ident $meta:tt [$($fields:tt)*] [$($defaults:tt)*] [$($places:tt)*]
        $(#[doc = $doc:literal])+ fixed $field:ident: $type:ty = $default:expr; $($rest:tt)*
    ) => {
        $crate::settings::settings!(@read $config $meta
            [$($fields)* $(#[doc = $doc])+ pub $field: $type,] [$($defaults)* $field: $default,] [$($places)*]
            $($rest)*
        );
    };

    (@read $config:ident $meta:tt [$($fields:tt)*] [$($defaults:tt)*] [$($places:tt)*]
        $(#[doc = $doc:literal])+ group $field:ident: $type:ty = $default:expr; $($rest:tt)*
    ) => {
        $crate::settings::settings!(@read $config $meta
            [$($fields)* $(#[doc = $doc])+ pub $field: $type,] [$($defaults)* $field: $default,] [$($places)* {group $field}]
            $($rest)*
        );
    };

    (@read $config:ident $meta:tt $fields:tt $defaults:tt [$($places:tt)*]
        $(#[doc = $doc:literal])+ part $group:ident.$field:ident: $range:expr $(, paper $paper:literal)?; $($rest:tt)*
    ) => {
        $crate::settings::settings!(@read $config $meta $fields $defaults
            [$($places)* {setting $field ($group.$field) [$($doc)+] ($range) [] [$($paper)?]}]
            $($rest)*
        );
    };

    (@read $config:ident $meta:tt [$($fields:tt)*] [$($defaults:tt)*] [$($places:tt)*]
        $(#[doc = $doc:literal])+ $field:ident: $type:ty = $default:expr, $range:expr $(, unset $unset:literal)? $(, paper $paper:literal)?;
        $($rest:tt)*
    ) => {
        $crate::settings::settings!(@read $config $meta
            [$($fields)* $(#[doc = $doc])+ pub $field: $type,] [$($defaults)* $field: $default,]
            [$($places)* {setting $field ($field) [$($doc)+] ($range) [$($unset)?] [$($paper)?]}]
            $($rest)*
        );
    };

    (@read $config:ident [{$vis:vis} $($meta:tt)*] [$($fields:tt)*] [$($defaults:tt)*] [$($place:tt)*]) => {
        $($meta)*
        #[derive(Debug, Clone, PartialEq)]
        $vis struct $config {
            $($fields)*
        }

        impl $config {
            /// The defaults.
            $vis const DEFAULT: Self = Self { $($defaults)* };
        }

        impl Default for $config {
            fn default() -> Self {
                Self::DEFAULT
            }
        }

        impl $crate::settings::Declared for $config {
            fn each(&mut self, visit: &mut dyn FnMut(&'static $crate::settings::Declaration, &mut dyn $crate::settings::Value)) {
                let config = self;
                $($crate::settings::settings!(@visit config visit $place);)*
            }
        }
    };

    (@visit $config:ident $visit:ident {group $field:ident}) => {
        $crate::settings::Declared::each(&mut $config.$field, $visit);
    };

    (@visit $config:ident $visit:ident
        {setting $name:ident ($($place:tt)+) [$($doc:literal)+] ($range:expr) [$($unset:literal)?] [$($paper:literal)?]}
    ) => {{
        const NAME: [u8; stringify!($name).len()] = $crate::settings::kebab(stringify!($name));
        static SETTING: $crate::settings::Declaration = $crate::settings::Declaration {
            name: match std::str::from_utf8(&NAME) {
                Ok(name) => name,
                Err(_) => stringify!($name),
            },
            range: $range,
            meaning: concat!($($doc),+),
            paper: $crate::settings::settings!(@given $($paper)?),
            unset: $crate::settings::settings!(@given $($unset)?),
        };
        $visit(&SETTING, &mut $config.$($place)+);
    }};

    (@given) => { None };
    (@given $text:literal) => { Some($text) };
}

pub(crate) use settings;
