//! Owners of crates: members and teams of the org.

use crate::{StoreError, TenantTx};
use uuid::Uuid;
use wharf_domain::{CrateId, CrateName, RegistryId, Slug, TeamId, Timestamp, UserId};

/// Who can own a crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerId {
    /// A member.
    User(UserId),
    /// A team; each of its members counts as an owner.
    Team(TeamId),
}

/// A member or team that owns a crate, or could.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredOwner {
    /// Who it is.
    pub id: OwnerId,
    /// The number cargo wants; unique among the members of the org, and among its teams.
    pub number: u32,
    /// The login of a member, the slug of a team.
    pub login: Slug,
    /// The name to show.
    pub name: Option<String>,
}

struct Row {
    user_id: Option<Uuid>,
    team_id: Option<Uuid>,
    owner_number: i64,
    login: String,
    name: Option<String>,
}

impl TryFrom<Row> for StoredOwner {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let (id, place) = match (row.user_id, row.team_id) {
            (Some(user), None) => (OwnerId::User(UserId(user)), format!("member of {user}")),
            (None, Some(team)) => (OwnerId::Team(TeamId(team)), format!("team of {team}")),
            _ => return Err(StoreError::corrupt("crate_owner", "neither a user nor a team")),
        };
        Ok(Self {
            id,
            number: u32::try_from(row.owner_number).map_err(|error| StoreError::corrupt(place.as_str(), error))?,
            login: Slug::parse(&row.login).map_err(|error| StoreError::corrupt(place, error))?,
            name: row.name,
        })
    }
}

impl OwnerId {
    fn columns(self) -> (Option<Uuid>, Option<Uuid>) {
        match self {
            Self::User(user) => (Some(user.0), None),
            Self::Team(team) => (None, Some(team.0)),
        }
    }
}

fn crate_names(names: Vec<String>) -> Result<Vec<CrateName>, StoreError> {
    let read = |name: String| CrateName::parse(&name).map_err(|error| StoreError::corrupt("crate.name", error));
    names.into_iter().map(read).collect()
}

impl TenantTx {
    /// The owners of a crate, members before teams, each by login.
    pub async fn list_owners(&mut self, krate: CrateId) -> Result<Vec<StoredOwner>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            r#"select o.user_id, o.team_id,
                      coalesce(m.owner_number, t.owner_number) as "owner_number!",
                      coalesce(m.login, t.slug) as "login!",
                      case when o.user_id is null then t.name else m.name end as name
               from crate_owner o
               left join member m on m.org_id = o.org_id and m.user_id = o.user_id
               left join team t on t.org_id = o.org_id and t.team_id = o.team_id
               where o.org_id = $1 and o.crate_id = $2
               order by o.user_id is null, 4"#,
            org,
            krate.0
        )
        .fetch_all(self.connection())
        .await?
        .into_iter()
        .map(StoredOwner::try_from)
        .collect()
    }

    /// Whether a member owns a crate, directly or through a team.
    pub async fn is_owner(&mut self, krate: CrateId, user: UserId) -> Result<bool, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(
            r#"select exists (
                   select 1 from crate_owner o
                   where o.org_id = $1 and o.crate_id = $2
                     and (o.user_id = $3
                          or o.team_id in (select team_id from team_member where org_id = $1 and user_id = $3))
               ) as "owns!""#,
            org,
            krate.0,
            user.0
        )
        .fetch_one(self.connection())
        .await?)
    }

    /// The member with this login.
    pub async fn find_member_owner(&mut self, login: &Slug) -> Result<Option<StoredOwner>, StoreError> {
        let org = wharf_trial::mutant!(OwnerFromAnyOrg =>
            sqlx::query_scalar("select org_id from member where login = $1 order by org_id = $2 desc limit 1")
                .bind(login.as_str()).bind(self.org().0)
                .fetch_optional(self.connection()).await?.unwrap_or_default();
            self.org().0);
        sqlx::query_as!(
            Row,
            r#"select user_id as "user_id?", null::uuid as team_id, owner_number, login, name
               from member where org_id = $1 and login = $2"#,
            org,
            login.as_str()
        )
        .fetch_optional(self.connection())
        .await?
        .map(StoredOwner::try_from)
        .transpose()
    }

    /// The team with this slug.
    pub async fn find_team_owner(&mut self, slug: &Slug) -> Result<Option<StoredOwner>, StoreError> {
        let org = self.org().0;
        sqlx::query_as!(
            Row,
            r#"select null::uuid as user_id, team_id as "team_id?", owner_number, slug as login, name as "name?"
               from team where org_id = $1 and slug = $2"#,
            org,
            slug.as_str()
        )
        .fetch_optional(self.connection())
        .await?
        .map(StoredOwner::try_from)
        .transpose()
    }

    /// The crates of a registry owned by the member with this login; none when there is no such member.
    pub async fn list_crates_of_member(
        &mut self,
        registry: RegistryId,
        login: &Slug,
    ) -> Result<Vec<CrateName>, StoreError> {
        let org = self.org().0;
        let names = sqlx::query_scalar!(
            "select c.name from crate_owner o
             join crate c on c.org_id = o.org_id and c.crate_id = o.crate_id
             where o.org_id = $1 and c.registry_id = $2
               and o.user_id = (select user_id from member where org_id = $1 and login = $3)",
            org,
            registry.0,
            login.as_str()
        )
        .fetch_all(self.connection())
        .await?;
        crate_names(names)
    }

    /// The crates of a registry owned by the team with this slug; none when there is no such team.
    pub async fn list_crates_of_team(
        &mut self,
        registry: RegistryId,
        slug: &Slug,
    ) -> Result<Vec<CrateName>, StoreError> {
        let org = self.org().0;
        let names = sqlx::query_scalar!(
            "select c.name from crate_owner o
             join crate c on c.org_id = o.org_id and c.crate_id = o.crate_id
             where o.org_id = $1 and c.registry_id = $2
               and o.team_id = (select team_id from team where org_id = $1 and slug = $3)",
            org,
            registry.0,
            slug.as_str()
        )
        .fetch_all(self.connection())
        .await?;
        crate_names(names)
    }

    /// Makes someone an owner; tells whether that was a change.
    pub async fn add_owner(&mut self, krate: CrateId, owner: OwnerId, at: Timestamp) -> Result<bool, StoreError> {
        let org = self.org().0;
        let (user, team) = owner.columns();
        let done = sqlx::query!(
            "insert into crate_owner (org_id, crate_id, user_id, team_id, added_at) values ($1, $2, $3, $4, $5)
             on conflict on constraint crate_owner_key do nothing",
            org,
            krate.0,
            user,
            team,
            at.inner()
        )
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Takes ownership from someone; tells whether that was a change.
    pub async fn remove_owner(&mut self, krate: CrateId, owner: OwnerId) -> Result<bool, StoreError> {
        let org = self.org().0;
        let (user, team) = owner.columns();
        let done = sqlx::query!(
            "delete from crate_owner
             where org_id = $1 and crate_id = $2
               and user_id is not distinct from $3 and team_id is not distinct from $4",
            org,
            krate.0,
            user,
            team
        )
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() == 1)
    }
}
