//! Identities of stored things. Each is a random UUID of its own type, so that one cannot stand in for another.

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub uuid::Uuid);

        impl $name {
            /// A new identity.
            pub fn random(entropy: &dyn crate::Entropy) -> Self {
                wharf_trial::mutant!(SequentialIds {
                    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
                    let number = LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) | 1 << 63;
                    return Self(uuid::Uuid::from_u64_pair((u64::from(std::process::id()) << 16) | 0x4000, number));
                });
                Self(entropy.uuid())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// An organisation: the tenant.
    OrgId,
    /// A registry of an org.
    RegistryId,
    /// A crate in a registry.
    CrateId,
    /// A version of a crate.
    VersionId,
    /// A person or a service account.
    UserId,
    /// A team of an org.
    TeamId,
    /// A token. Public: it names the token in lists and in the audit, and opens nothing.
    TokenId,
    /// An entitlement.
    EntitlementId,
}
