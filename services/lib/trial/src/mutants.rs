//! Every deliberate hole, named in one place.

use std::sync::OnceLock;

/// Makes the list: a variant for each hole, its name as text, and what is wrong with it.
macro_rules! mutants {
    ($($(#[doc = $what:literal])+ $name:ident,)+) => {
        /// A deliberate hole in the product.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Mutant {
            $($(#[doc = $what])+ $name,)+
        }

        impl Mutant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name by which `WHARF_MUTANT` asks for it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// What is wrong with it.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($what),+).trim_ascii(),)+
                }
            }
        }
    };
}

mutants! {
    // What a view shows.
    /// An exception of a rule takes nothing out.
    ExceptionsIgnored,
    /// A requirement on versions is asked about pre-releases as if they were releases.
    PreReleasesAdmitted,
    /// What was published at the very moment named by `published_before` is shown.
    MomentIncluded,
    /// Patterns are compared with names as they were typed, so that an exception in upper case takes nothing out.
    CaseMatters,
    /// A token sees the registries of other orgs, as far as its scopes reach by name.
    ForeignOrgSeen,
    /// An entitlement opens every registry of its org, not only its own.
    EntitlementOpensSiblings,
    /// The role of auditor shows crates.
    AuditorReadsCrates,
    /// A token for one registry of an org sees the others as well.
    ScopeInEveryRegistry,

    // The index.
    /// The entity tag of a filtered index file is made from all of its lines, hidden ones too.
    EtagOfEverything,
    /// Filtered index files are remembered without the filter, so that one view is given the file of another.
    PartKeyWithoutFilter,
    /// An index file in memory is served whatever was published since.
    StaleFileServed,
    /// Index files leave out yanked versions, so that whoever locked one can build no more.
    YankedLinesDropped,
    /// Filtered index files hold every line in their compressed form.
    GzipOfEverything,
    /// Index files say when the crate last changed, seen or not.
    LastChangeTold,
    /// What is absent is answered from memory, and what is hidden after its file was read.
    AbsentAnsweredEarly,
    /// What is hidden from a view is read again by the first who asks for it after a change.
    NumbersReadByNextReader,
    /// A registry that changed, or is closed to the public, goes on as it was.
    RegistryChangeUnheard,
    /// A process that hears of no changes takes a registry for public for as long as it runs.
    PublicForEver,

    // Search.
    /// The total of a search counts what matches, seen or not.
    SearchTotalOfEverything,
    /// A search shows first what has most versions, hidden ones too.
    SearchRanksByEverything,
    /// A search shows the newest version there is, seen or not.
    SearchShowsHiddenVersion,
    /// A search remembers one view of a registry for whoever searches there.
    SearchRemembersAnotherView,
    /// A search shows what the view held when it was first searched.
    SearchForgetsToLook,
    /// A search finds crates by the descriptions of versions that are not seen.
    SearchReadsHiddenTexts,

    // Refusals and answers.
    /// A crate of which every version is hidden is refused with 403, where an absent one is 404.
    ForbiddenForHidden,
    /// A 404 says how many versions there are that the caller may not see.
    NotFoundSaysMore,
    /// A crate exists for whoever a rule speaks to, even when no version is admitted.
    PartlySeenMeansThere,
    /// A refused publish says whether the name is taken.
    ConflictDiscloses,
    /// Without a credential, a registry that does not exist answers 404 and one that does 401.
    AbsentRegistryTold,
    /// Holders of an entitlement are told who owns the crates they see.
    OwnersToldToOutsiders,
    /// The cursor of a page points at the row behind it, which was not shown.
    CursorOfHiddenRow,
    /// Identities are counted up, so that each tells how many there are.
    SequentialIds,
    /// The numbers by which cargo knows owners are counted up, so that each tells how many there are.
    OwnerNumbersCount,
    /// The ids of requests are counted up, so that each tells how many came before it.
    RequestIdsCount,
    /// Readers of a public registry are told the names of people.
    NamesToldToAll,
    /// The holder of an entitlement may try out which members and teams there are.
    OwnersConfirmed,
    /// A version may be yanked by whoever may yank the crate, seen or not.
    YankBeyondView,
    /// A download asked for with HEAD is not asked of the view.
    HeadBeyondView,
    /// Caches on the way may give the answer to one credential to others.
    AnswersCachedForAll,

    // Credentials and rights.
    /// A token without scopes may do everything.
    EmptyScopesMeanAll,
    /// A member's token goes on after its end, and everywhere.
    ExpiredTokenAccepted,
    /// A credential in memory is believed though word came that it changed or ended.
    RevokedTokenAccepted,
    /// The window, switch and networks of an entitlement do not matter.
    EntitlementWindowIgnored,
    /// Routes of cargo's web API take tokens of every kind.
    WrongKindAccepted,
    /// A token may be issued with more scopes than its parent has.
    ChildOutgrowsParent,
    /// `X-Forwarded-For` is believed, whoever sends it.
    AnyProxyBelieved,
    /// A token in the query of an address is not refused.
    TokenInQueryAccepted,
    /// What is stored of a token is a part of it, and no digest.
    TokenStoredUnhashed,
    /// The token of a request is logged, in a form that the guard of the log does not know.
    CredentialLogged,
    /// Tokens may be used from every network.
    TokenNetworksIgnored,
    /// What ends at a moment still holds at that moment.
    EndIncluded,
    /// A member's token may manage whatever its scopes say, whatever the role.
    RoleForgotten,
    /// What is known of a credential is believed for ever, when the database is away.
    BelievedForEver,
    /// The database finds tokens that were revoked.
    RevocationUnread,
    /// A key of a request sent again stands for every body.
    RepeatIgnoresBody,
    /// The address for `cargo login` is made from the request's own host.
    LoginUrlFromHost,

    // The walls between tenants.
    /// One table has no row-level security.
    TableWithoutWall,
    /// The policy of one table hides foreign rows and lets them be written.
    PolicyChecksNothing,
    /// One query forgets its org.
    OrgForgotten,
    /// A member of another org can be made an owner by login.
    OwnerFromAnyOrg,
    /// The org of a transaction stays set on the pooled connection.
    SettingOutlivesTransaction,
    /// Services log in with the owner's account instead of their own.
    ServicesLogInAsOwner,

    // Publish.
    /// The answer to a change is sent before the commit.
    AnswerBeforeCommit,
    /// The answer to a change does not wait for the replicas.
    AnswerBeforeReplicas,
    /// A commit whose outcome is not known is taken for one that succeeded.
    UnknownCommitBelieved,
    /// The database answers commits before they are on disk.
    CommitNotOnDisk,
    /// A silent database is waited for as long as the connection stays open.
    SilenceUnbounded,
    /// The collector of orphans deletes files on the word of a database session that may have ended.
    CollectorTrustsItsSession,
    /// The row of a version is committed before its file is stored.
    FileStoredAfterRow,
    /// Other bytes for a published version are taken for the same.
    OtherBytesAccepted,
    /// A path in a package may climb out of it by `..`.
    PathTraversalAccepted,
    /// What follows the first gzip member of a package is not looked at.
    SecondMemberAccepted,
    /// The name in the JSON head is believed, whatever `Cargo.toml` says.
    JsonNameTrusted,
    /// Dependencies are taken from the JSON head, whatever `Cargo.toml` says.
    DependenciesFromJson,

    // The git index.
    /// What one entitlement was offered by git may be wanted and built upon by every other.
    GitOffersShared,
    /// Whatever commit a git client says it has is confirmed.
    GitHavesConfirmed,
    /// The difference sent to a git client holds directories for crates it does not see.
    GitPackHoldsHidden,
    /// The state of a git repository is remembered without the view, so that views are given each other's.
    GitStateWithoutView,
    /// Readers of one view are given each other's `config.json`, with the credential in it.
    GitConfigShared,
    /// Index files that are seen in part are whole in git.
    GitFilesWhole,
    /// Tokens of members read every registry by git, whatever its switch says.
    GitTakesPersonalKeys,

    // The feed and the audit.
    /// A reader of the feed leaves out changes that are numbered before the last one it saw.
    FeedBySequence,
    /// A reader of the feed goes on from what it read, also when a crash may take the numbers of transactions back.
    HorizonBeforeReport,
    /// A process whose unseen changes were removed goes on as if it had seen them.
    StruckOffUnnoticed,
    /// One act leaves no entry in the audit.
    AuditForgotten,
    /// One act is committed before its audit entry is written.
    AuditAfterwards,

    // Downloads.
    /// A download is decided by name and version alone, whatever the view holds.
    DownloadByNameAlone,
    /// A ticket lives for an hour.
    TicketLivesLong,
    /// Only the first bytes of a ticket's signature are compared.
    SignatureByPrefix,
    /// A ticket's end is not looked at.
    TicketNeverEnds,
    /// The signature of a ticket does not cover the path.
    PathNotSigned,
    /// Tickets of all orgs are signed with one key.
    OneKeyForAllOrgs,
    /// A crate file is sent to its end though its digest is wrong.
    DamagedFileServed,
    /// Download addresses with a credential work where the registry hands none out any more.
    LegacySwitchIgnored,
    /// A download address with a credential goes on when its reader's token or entitlement is over.
    LegacyOutlivesReader,
    /// A download address with a credential opens everything in the registry.
    LegacyOpensEverything,
    /// The credential of a download address is taken as a token in a header.
    LegacyTakenAsToken,
}

/// Whether this is the hole that `WHARF_MUTANT` asks for.
#[must_use]
pub fn is_on(mutant: Mutant) -> bool {
    static CHOSEN: OnceLock<Option<Mutant>> = OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| {
        let asked = std::env::var("WHARF_MUTANT").ok()?;
        let found = Mutant::ALL.iter().copied().find(|mutant| mutant.name() == asked);
        assert!(found.is_some(), "WHARF_MUTANT: there is no mutant called {asked:?}");
        found
    });
    *chosen == Some(mutant)
}
