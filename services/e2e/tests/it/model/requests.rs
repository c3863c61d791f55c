//! Sends what the model is asked, as a client of the program writes it.

use super::driver::Driver;
use serde_json::{Map, Value, json};
use wharf_domain::Timestamp;
use wharf_model::{Rights, Rule, Settings, Subject, What};
use wharf_testkit::{Answer, Client};

fn terms(rights: &Rights, rules: &[Rule]) -> Value {
    json!({ "rights": rights.json(), "rules": rules.iter().map(Rule::json).collect::<Vec<_>>() })
}

fn settings_json(settings: &Settings) -> Map<String, Value> {
    let visibility = settings.public.map(|public| if public { "public" } else { "private" });
    let all = json!({
        "visibility": visibility,
        "crates_io_allowed": settings.crates_io_allowed,
        "legacy_git_downloads": settings.legacy_git_downloads,
        "git_personal_keys": settings.git_personal_keys,
        "max_crate_bytes": settings.max_crate_bytes,
    });
    let Value::Object(all) = all else { unreachable!("an object was written") };
    all.into_iter().filter(|(_, value)| !value.is_null()).collect()
}

impl Driver<'_> {
    pub(super) async fn send(&mut self, client: &Client, what: &What) -> Answer {
        let setup = &self.stack.setup;
        let (app, download) = (&setup.app, &setup.download);
        let nothing = json!({});
        match what {
            What::Config(place) => client.get(&self.index_of(place, "config.json")).await,
            What::File(place, name) => client.get(&self.index_url(place, name)).await,
            What::Tree(_) => unreachable!("by git one asks more than once"),
            What::Download(place, name, number) => {
                let at = format!("{download}/{}/{}/{name}/{number}/download", self.real(&place.org), place.registry);
                client.get(&at).await
            }
            What::LegacyDownload { place, token, made_for, name, number } => {
                let credential = self.credential(made_for, token).await;
                let credential = credential.unwrap_or_else(|| format!("whfl_{}", "0".repeat(49)));
                client.get(&self.legacy_url(place, &credential, name, number)).await
            }
            What::Search { place, text, per_page, page } => {
                let query = format!("?q={}&per_page={per_page}&page={page}", text.replace(' ', "+"));
                client.get(&self.cargo_url(place, &query)).await
            }
            What::Owners(place, name) => client.get(&self.cargo_url(place, &format!("/{name}/owners"))).await,
            What::Publish(place, package) => {
                let (body, url) = (self.upload(place, package), self.cargo_url(place, "/new"));
                client.send("PUT", &url, &[], Some(body)).await
            }
            What::Yank { place, name, number, yanked } => {
                let (method, last) = if *yanked { ("DELETE", "yank") } else { ("PUT", "unyank") };
                client.send(method, &self.cargo_url(place, &format!("/{name}/{number}/{last}")), &[], None).await
            }
            What::ChangeOwners { place, name, users, add } => {
                let url = self.cargo_url(place, &format!("/{name}/owners"));
                client.json(if *add { "PUT" } else { "DELETE" }, &url, &json!({ "users": users })).await
            }

            What::Whoami => client.get(&format!("{app}/api/v1/whoami")).await,
            What::FoundOrg { slug, .. } => {
                client.json("POST", &format!("{app}/api/v1/orgs"), &json!({ "slug": self.real(slug) })).await
            }
            What::Org(org) => client.get(&self.org_url(org, "")).await,
            What::Registries(org) => self.list(client, &self.org_url(org, "/registries")).await,
            What::Registry(place) => {
                client.get(&self.org_url(&place.org, &format!("/registries/{}", place.registry))).await
            }
            What::MakeRegistry(place, settings) => {
                let mut body = settings_json(settings);
                body.insert("slug".to_owned(), place.registry.as_str().into());
                client.json("POST", &self.org_url(&place.org, "/registries"), &body.into()).await
            }
            What::SetRegistry(place, settings) => {
                let url = self.org_url(&place.org, &format!("/registries/{}", place.registry));
                client.json("PATCH", &url, &settings_json(settings).into()).await
            }

            What::Members(org) => self.list(client, &self.org_url(org, "/members")).await,
            What::AddMember { org, login, role, service } => {
                let mut body = json!({ "login": login, "role": role });
                if *service {
                    body["kind"] = "service".into();
                } else {
                    body["email"] = format!("{login}@{}.example", self.real(org)).into();
                }
                client.json("POST", &self.org_url(org, "/members"), &body).await
            }
            What::ChangeMember { org, login, role } => {
                client.json("PATCH", &self.org_url(org, &format!("/members/{login}")), &json!({ "role": role })).await
            }
            What::RemoveMember { org, login } => {
                client.json("DELETE", &self.org_url(org, &format!("/members/{login}")), &nothing).await
            }
            What::Teams(org) => self.list(client, &self.org_url(org, "/teams")).await,
            What::MakeTeam { org, slug } => {
                client.json("POST", &self.org_url(org, "/teams"), &json!({ "slug": slug })).await
            }
            What::Seat { org, team, login, seated } => {
                let url = self.org_url(org, &format!("/teams/{team}/members/{login}"));
                client.json(if *seated { "PUT" } else { "DELETE" }, &url, &nothing).await
            }

            What::Tokens(org) => self.list(client, &self.org_url(org, "/tokens")).await,
            What::Token { org, token } => {
                client.get(&self.org_url(org, &format!("/tokens/{}", self.token_id(token)))).await
            }
            What::Issue { org, token, kind, member, scopes, sources, life } => {
                let mut body = json!({ "kind": kind, "name": token });
                if let Some(member) = member {
                    body["member"] = member.as_str().into();
                }
                if let Some(scopes) = scopes {
                    body["scopes"] = json!(scopes);
                }
                if let Some(sources) = sources {
                    body["sources"] = json!(sources);
                }
                if let Some(life) = life {
                    let end = Timestamp::from_unix(self.now() + life);
                    body["expires_at"] = end.to_string().into();
                }
                client.json("POST", &self.org_url(org, "/tokens"), &body).await
            }
            What::Revoke { org, token } => {
                let url = self.org_url(org, &format!("/tokens/{}", self.token_id(token)));
                client.json("DELETE", &url, &nothing).await
            }
            What::Rotate { org, token, overlap, .. } => {
                let url = self.org_url(org, &format!("/tokens/{}/rotate", self.token_id(token)));
                client.json("POST", &url, &json!({ "overlap_s": overlap })).await
            }
            What::Audit { org, action } => {
                self.list(client, &self.org_url(org, &format!("/audit?action={action}"))).await
            }

            What::Entitlements(place) => self.list(client, &self.entitlement_url(place, "")).await,
            What::Entitlement { place, id } => {
                client.get(&self.entitlement_url(place, &format!("/{}", self.entitlement_id(id)))).await
            }
            What::Grant { place, draft, .. } => {
                let mut body = draft.json();
                body["sources"] = json!(draft.sources);
                client.json("POST", &self.entitlement_url(place, ""), &body).await
            }
            What::ChangeEntitlement { place, id, patch } => {
                let mut body = json!({});
                patch.name.iter().for_each(|name| body["name"] = name.as_str().into());
                patch.note.iter().for_each(|note| body["note"] = note.as_str().into());
                patch.rules.iter().for_each(|rules| body["rules"] = rules.iter().map(Rule::json).collect());
                patch.yank.iter().for_each(|yank| body["rights"] = json!({ "yank": yank }));
                patch.sources.iter().for_each(|sources| body["sources"] = json!(sources));
                patch.enabled.iter().for_each(|enabled| body["enabled"] = (*enabled).into());
                if let Some(end) = patch.expires_at {
                    body["expires_at"] = json!(end.map(|end| Timestamp::from_unix(end).to_string()));
                }
                client
                    .json("PATCH", &self.entitlement_url(place, &format!("/{}", self.entitlement_id(id))), &body)
                    .await
            }
            What::SwitchEntitlement { place, id, on } => {
                let path = format!("/{}/{}", self.entitlement_id(id), if *on { "enable" } else { "disable" });
                client.json("POST", &self.entitlement_url(place, &path), &nothing).await
            }
            What::Withdraw { place, id } => {
                let url = self.entitlement_url(place, &format!("/{}", self.entitlement_id(id)));
                client.json("DELETE", &url, &nothing).await
            }
            What::RotateEntitlement { place, id, overlap, .. } => {
                let url = self.entitlement_url(place, &format!("/{}/rotate", self.entitlement_id(id)));
                client.json("POST", &url, &json!({ "overlap_s": overlap })).await
            }
            What::View { place, id } => {
                self.list(client, &self.entitlement_url(place, &format!("/{}/view", self.entitlement_id(id)))).await
            }
            What::Preview { place, subject, explain } => {
                let mut body = match subject {
                    Subject::Terms(rights, rules) => json!({ "terms": terms(rights, rules) }),
                    Subject::Entitlement(id, None) => json!({ "entitlement": self.entitlement_id(id) }),
                    Subject::Entitlement(id, Some((rights, rules))) => {
                        json!({ "entitlement": self.entitlement_id(id), "terms": terms(rights, rules) })
                    }
                };
                if let Some((name, number)) = explain {
                    body["explain"] = json!({ "crate": name, "version": number });
                }
                client.json("POST", &self.entitlement_url(place, "/preview"), &body).await
            }
        }
    }
}
