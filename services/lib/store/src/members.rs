//! Members: people and service accounts in an org, with their role.

use crate::{StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;
use wharf_domain::{Role, Slug, Timestamp, UserId};

/// What is behind a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MemberKind {
    /// A person, who signs in.
    Person,
    /// A machine, which has tokens only.
    Service,
}

impl MemberKind {
    /// The word used in the API and the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Person, Self::Service].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A stored member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The account behind it.
    pub user: UserId,
    /// The name within the org, by which others speak of the member.
    pub login: Slug,
    /// The name to show.
    pub name: Option<String>,
    /// What is behind it.
    pub kind: MemberKind,
    /// The part it plays.
    pub role: Role,
    /// The number by which cargo knows it as an owner of crates.
    pub owner_number: u32,
    /// When it joined.
    pub created_at: Timestamp,
}

struct Row {
    user_id: Uuid,
    login: String,
    name: Option<String>,
    kind: String,
    role: String,
    owner_number: i64,
    created_at: OffsetDateTime,
}

impl TryFrom<Row> for Member {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let place = |column: &str| format!("member.{column} of {}", row.user_id);
        Ok(Self {
            user: UserId(row.user_id),
            login: Slug::parse(&row.login).map_err(|error| StoreError::corrupt(place("login"), error))?,
            kind: MemberKind::parse(&row.kind).ok_or_else(|| StoreError::corrupt(place("kind"), &row.kind))?,
            role: Role::parse(&row.role).ok_or_else(|| StoreError::corrupt(place("role"), &row.role))?,
            owner_number: u32::try_from(row.owner_number)
                .map_err(|error| StoreError::corrupt(place("owner_number"), error))?,
            created_at: Timestamp::new(row.created_at),
            name: row.name,
        })
    }
}

impl TenantTx {
    /// Adds a member. Constraints `member_pkey` (already one) and `member_login_key` (login taken) may refuse.
    pub async fn insert_member(&mut self, member: &Member) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "insert into member (org_id, user_id, login, name, kind, role, owner_number, created_at)
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            org,
            member.user.0,
            member.login.as_str(),
            member.name,
            member.kind.as_str(),
            member.role.as_str(),
            i64::from(member.owner_number),
            member.created_at.inner(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// How many members there are.
    pub async fn count_members(&mut self) -> Result<i64, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from member where org_id = $1"#, org)
            .fetch_one(self.connection())
            .await?)
    }

    /// A page of members, oldest first.
    pub async fn list_members(
        &mut self,
        after: Option<(Timestamp, Uuid)>,
        limit: i64,
    ) -> Result<Vec<Member>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            "select user_id, login, name, kind, role, owner_number, created_at from member
             where org_id = $1 and ($2::timestamptz is null or (created_at, user_id) > ($2, $3::uuid))
             order by created_at, user_id
             limit $4",
            org,
            after.map(|(at, _)| at.inner()),
            after.map(|(_, id)| id),
            limit
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(Member::try_from)
        .collect()
    }

    /// The member behind an account.
    pub async fn find_member(&mut self, user: UserId) -> Result<Option<Member>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            "select user_id, login, name, kind, role, owner_number, created_at from member
             where org_id = $1 and user_id = $2",
            org,
            user.0
        )
        .fetch_optional(self.connection())
        .await?
        .map(Member::try_from)
        .transpose()
    }

    /// The member with this login.
    pub async fn find_member_by_login(&mut self, login: &Slug) -> Result<Option<Member>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            "select user_id, login, name, kind, role, owner_number, created_at from member
             where org_id = $1 and login = $2",
            org,
            login.as_str()
        )
        .fetch_optional(self.connection())
        .await?
        .map(Member::try_from)
        .transpose()
    }

    /// The people who own the org, locked until the end of the transaction, so that two owners who unmake each other at
    /// once cannot leave the org without any. Service accounts do not count: nobody can sign in as one.
    pub async fn lock_owners(&mut self) -> Result<Vec<UserId>, StoreError> {
        let org = self.org().0;
        let ids = sqlx::query_scalar!(
            "select user_id from member where org_id = $1 and role = 'owner' and kind = 'person'
             order by user_id for update",
            org
        )
        .fetch_all(self.connection())
        .await?;
        Ok(ids.into_iter().map(UserId).collect())
    }

    /// Gives a member a role and a name.
    pub async fn update_member(&mut self, user: UserId, role: Role, name: Option<&str>) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "update member set role = $3, name = $4 where org_id = $1 and user_id = $2",
            org,
            user.0,
            role.as_str(),
            name
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// Removes a member and, with it, its tokens, its seats in teams and its ownership of crates. Returns how many
    /// tokens died.
    pub async fn delete_member(&mut self, user: UserId) -> Result<i64, StoreError> {
        let org = self.org().0;
        let tokens = sqlx::query_scalar!(
            r#"select count(*) as "count!" from token where org_id = $1 and user_id = $2 and revoked_at is null"#,
            org,
            user.0
        )
        .fetch_one(self.connection())
        .await?;
        sqlx::query!("delete from member where org_id = $1 and user_id = $2", org, user.0)
            .execute(self.connection())
            .await?;
        Ok(tokens)
    }

    /// Whether a member or team of the org already bears this number towards cargo.
    pub async fn owner_number_taken(&mut self, number: u32) -> Result<bool, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(
            r#"select exists (select 1 from member where org_id = $1 and owner_number = $2)
                   or exists (select 1 from team where org_id = $1 and owner_number = $2) as "taken!""#,
            org,
            i64::from(number)
        )
        .fetch_one(self.connection())
        .await?)
    }
}
