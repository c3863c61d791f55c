//! Teams: members who own crates together.

use crate::{StoreError, TenantTx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wharf_domain::{Slug, TeamId, Timestamp, UserId};

/// A stored team.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Team {
    /// Its identity.
    pub id: TeamId,
    /// Its name in addresses.
    pub slug: Slug,
    /// Its name for people.
    pub name: String,
    /// The number by which cargo knows it as an owner of crates.
    pub owner_number: u32,
    /// The logins of those in it, in order.
    pub members: Vec<Slug>,
    /// When it was made.
    pub created_at: Timestamp,
}

impl TenantTx {
    /// Makes a team without members. Constraint `team_slug_key` refuses a slug that is taken.
    pub async fn insert_team(&mut self, team: &Team) -> Result<(), StoreError> {
        let org = self.org().0;
        sqlx::query!(
            "insert into team (org_id, team_id, slug, name, owner_number, created_at) values ($1, $2, $3, $4, $5, $6)",
            org,
            team.id.0,
            team.slug.as_str(),
            team.name,
            i64::from(team.owner_number),
            team.created_at.inner(),
        )
        .execute(self.connection())
        .await?;
        Ok(())
    }

    /// How many teams there are.
    pub async fn count_teams(&mut self) -> Result<i64, StoreError> {
        let org = self.org().0;
        Ok(sqlx::query_scalar!(r#"select count(*) as "count!" from team where org_id = $1"#, org)
            .fetch_one(self.connection())
            .await?)
    }

    /// A page of teams, oldest first.
    pub async fn list_teams(&mut self, after: Option<(Timestamp, Uuid)>, limit: i64) -> Result<Vec<Team>, StoreError> {
        let org = self.org().0;
        let rows = sqlx::query!(
            r#"select t.team_id, t.slug, t.name, t.owner_number, t.created_at,
                      array(select m.login from team_member tm
                            join member m on m.org_id = tm.org_id and m.user_id = tm.user_id
                            where tm.org_id = $1 and tm.team_id = t.team_id
                            order by m.login) as "members!"
               from team t
               where t.org_id = $1 and ($2::timestamptz is null or (t.created_at, t.team_id) > ($2, $3::uuid))
               order by t.created_at, t.team_id
               limit $4"#,
            org,
            after.map(|(at, _)| at.inner()),
            after.map(|(_, id)| id),
            limit
        )
        .fetch_all(self.connection())
        .await?;
        rows.into_iter()
            .map(|row| {
                let place = |column: &str| format!("team.{column} of {}", row.team_id);
                Ok(Team {
                    id: TeamId(row.team_id),
                    slug: Slug::parse(&row.slug).map_err(|error| StoreError::corrupt(place("slug"), error))?,
                    owner_number: u32::try_from(row.owner_number)
                        .map_err(|error| StoreError::corrupt(place("owner_number"), error))?,
                    members: row
                        .members
                        .iter()
                        .map(|login| Slug::parse(login).map_err(|error| StoreError::corrupt(place("members"), error)))
                        .collect::<Result<_, _>>()?,
                    created_at: Timestamp::new(row.created_at),
                    name: row.name,
                })
            })
            .collect()
    }

    /// The team with this slug.
    pub async fn find_team(&mut self, slug: &Slug) -> Result<Option<TeamId>, StoreError> {
        let org = self.org().0;
        let id = sqlx::query_scalar!("select team_id from team where org_id = $1 and slug = $2", org, slug.as_str())
            .fetch_optional(self.connection())
            .await?;
        Ok(id.map(TeamId))
    }

    /// Puts a member into a team; `false` when it was there already.
    pub async fn insert_team_member(&mut self, team: TeamId, user: UserId) -> Result<bool, StoreError> {
        let org = self.org().0;
        let done = sqlx::query!(
            "insert into team_member (org_id, team_id, user_id) values ($1, $2, $3) on conflict do nothing",
            org,
            team.0,
            user.0
        )
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Takes a member out of a team; `false` when it was not in it.
    pub async fn delete_team_member(&mut self, team: TeamId, user: UserId) -> Result<bool, StoreError> {
        let org = self.org().0;
        let done = sqlx::query!(
            "delete from team_member where org_id = $1 and team_id = $2 and user_id = $3",
            org,
            team.0,
            user.0
        )
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() > 0)
    }
}
