//! Teams: members who own crates together.

use crate::idempotency::Once;
use crate::paging::{Page, Position, Slice};
use crate::{Actor, Error, Result, Site, label, members};
use serde_json::json;
use wharf_domain::{Slug, TeamId, Verb};
use wharf_store::TenantTx;
pub use wharf_store::teams::Team;

/// Most teams of an org.
pub const TEAMS_MAX: i64 = 1_000;

impl Site {
    /// Makes a team without members.
    pub async fn create_team(
        &self,
        actor: &Actor,
        org: &str,
        slug: &str,
        name: Option<&str>,
        once: Option<&Once>,
    ) -> Result<Team> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::MemberWrite, None)?;
        if let Some(kept) = Once::earlier(once, &mut tx).await? {
            return Ok(kept);
        }
        let slug = Slug::parse_new(slug).map_err(|error| Error::invalid("slug_invalid", error.to_string()))?;
        let now = self.clock.now();
        let team = Team {
            id: TeamId::random(&*self.entropy),
            name: label::name(name.unwrap_or(slug.as_str()))?,
            slug,
            owner_number: self.free_owner_number(&mut tx).await?,
            members: Vec::new(),
            created_at: now,
        };
        if tx.count_teams().await? >= TEAMS_MAX {
            return Err(Error::conflict("teams_too_many", format!("an org has at most {TEAMS_MAX} teams")));
        }
        tx.insert_team(&team).await.map_err(|error| {
            if error.is_constraint("team_slug_key") {
                Error::conflict("slug_taken", "the org has a team of this name already; choose another")
            } else {
                error.into()
            }
        })?;
        let detail = json!({ "name": team.name });
        tx.record(&actor.entry(self, "team.create", json!({ "team": team.slug }), detail)).await?;
        Once::keep(once, &mut tx, &*self.entropy, now, &team).await?;
        self.settle(tx).await?;
        Ok(team)
    }

    /// A page of the teams, oldest first.
    pub async fn list_teams(&self, actor: &Actor, org: &str, slice: Slice) -> Result<Page<Team>> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::MemberRead, None)?;
        let teams = tx.list_teams(slice.after(), slice.fetch()).await?;
        Ok(slice.page(teams, |team| Position { at: team.created_at, id: team.id.0 }))
    }

    /// Puts a member into a team; once is as good as twice.
    pub async fn add_team_member(&self, actor: &Actor, org: &str, team: &str, login: &str) -> Result<()> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::MemberWrite, None)?;
        let (id, slug) = find(&mut tx, team).await?;
        let member = members::find(&mut tx, login).await?;
        if tx.insert_team_member(id, member.user).await? {
            let object = json!({ "team": slug, "member": member.login });
            tx.record(&actor.entry(self, "team.add_member", object, json!({}))).await?;
            self.settle(tx).await?;
        }
        Ok(())
    }

    /// Takes a member out of a team; once is as good as twice.
    pub async fn remove_team_member(&self, actor: &Actor, org: &str, team: &str, login: &str) -> Result<()> {
        let (mut tx, _) = self.enter_org(actor, org).await?;
        actor.require(Verb::MemberWrite, None)?;
        let (id, slug) = find(&mut tx, team).await?;
        let member = members::find(&mut tx, login).await?;
        if tx.delete_team_member(id, member.user).await? {
            let object = json!({ "team": slug, "member": member.login });
            tx.record(&actor.entry(self, "team.remove_member", object, json!({}))).await?;
            self.settle(tx).await?;
        }
        Ok(())
    }
}

async fn find(tx: &mut TenantTx, slug: &str) -> Result<(TeamId, Slug)> {
    let slug = Slug::parse(slug).map_err(|_| Error::not_found())?;
    let id = tx.find_team(&slug).await?.ok_or_else(Error::not_found)?;
    Ok((id, slug))
}
