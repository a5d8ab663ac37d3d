//! Flags and kinds, as far as the engine has use for them.

#![allow(missing_docs, reason = "the names of Unix")]

macro_rules! flags {
    ($(#[$doc:meta])* $name:ident { $($flag:ident = $bits:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name(u32);

        impl $name {
            $(pub const $flag: Self = Self($bits);)*

            /// None of them.
            pub const fn empty() -> Self {
                Self(0)
            }

            /// These and those.
            #[must_use]
            pub const fn union(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether all of `other` are among them.
            pub const fn contains(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// As a number.
            pub const fn bits(self) -> u32 {
                self.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                self.union(other)
            }
        }
    };
}

flags! {
    /// How to open.
    OFlags {
        RDONLY = 0,
        WRONLY = 1,
        CREATE = 1 << 1,
        EXCL = 1 << 2,
        TRUNC = 1 << 3,
        DIRECTORY = 1 << 4,
        NOFOLLOW = 1 << 5,
        // No contents: only to look at it, and to look names up in it.
        PATH = 1 << 6,
        // Handles are not inherited, and none waits.
        CLOEXEC = 1 << 7,
        NONBLOCK = 1 << 8,
    }
}

flags! {
    /// How to take a name.
    AtFlags {
        SYMLINK_NOFOLLOW = 1,
        REMOVEDIR = 1 << 1,
    }
}

flags! {
    /// How to rename.
    RenameFlags {
        NOREPLACE = 1,
    }
}

flags! {
    /// Who may do what. Of all this Windows keeps whether a file may be written to.
    Mode {
        RUSR = 0o400,
        WUSR = 0o200,
        XUSR = 0o100,
        RWXU = 0o700,
    }
}

impl Mode {
    /// From a number, of which the kind of a file may be a part.
    pub const fn from_raw_mode(mode: u32) -> Self {
        Self(mode & 0o7777)
    }
}

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileType {
    RegularFile,
    Directory,
    Symlink,
    /// A reparse point that is no symbolic link.
    Special,
    Unknown,
}

impl FileType {
    const KIND: u32 = 0o170_000;

    /// By the part of a mode that says it.
    pub const fn from_raw_mode(mode: u32) -> Self {
        match mode & Self::KIND {
            0o100_000 => Self::RegularFile,
            0o040_000 => Self::Directory,
            0o120_000 => Self::Symlink,
            0o020_000 => Self::Special,
            _ => Self::Unknown,
        }
    }

    pub(super) const fn as_raw_mode(self) -> u32 {
        match self {
            Self::RegularFile => 0o100_000,
            Self::Directory => 0o040_000,
            Self::Symlink => 0o120_000,
            Self::Special => 0o020_000,
            Self::Unknown => 0,
        }
    }
}

/// A user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uid(());

impl Uid {
    /// The user's number.
    pub const fn as_raw(self) -> u32 {
        0
    }
}

/// This user.
pub const fn geteuid() -> Uid {
    Uid(())
}
