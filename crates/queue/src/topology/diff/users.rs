//! Users: the right password, the right tags, the right permission, and nothing more.

use std::collections::HashMap;

use super::Plan;
use crate::topology::{
    Conflict, HASHING, Logins, ObservedUser, Permission, Repair, Topology, User, owner_tag,
};

pub(super) fn compare(desired: &Topology, logins: &Logins, plan: &mut Plan) {
    let (users, permissions) = match logins {
        Logins::Read { users, permissions } => (users, permissions),
        Logins::Unread => return unknown(desired, "nobody asked for users", plan),
        Logins::Forbidden(why) => return unknown(desired, why, plan),
    };
    let users: HashMap<&str, &ObservedUser> = users.iter().map(|u| (u.name.as_str(), u)).collect();
    let permissions: HashMap<&str, &Permission> =
        permissions.iter().map(|(u, p)| (u.as_str(), p)).collect();
    let tag = owner_tag(&desired.owner);
    for user in &desired.users {
        let found = users.get(user.name.as_str());
        if found.is_some_and(|found| !user.adopt && !found.tags.contains(&tag)) {
            plan.conflicts.push(Conflict::ForeignUser {
                name: user.name.clone(),
                tag: tag.clone(),
            });
            continue;
        }
        let may = permissions.get(user.name.as_str());
        if !found.is_some_and(|found| is_as_it_should(user, found)) {
            plan.repairs.push(Repair::PutUser(user.clone()));
        }
        if found.is_none() || may != Some(&&user.permission) {
            let permission = user.permission.clone();
            plan.repairs
                .push(Repair::PutPermission(user.name.clone(), permission));
        }
    }
}

fn is_as_it_should(user: &User, found: &ObservedUser) -> bool {
    found.tags == user.tags
        && found.hashing == HASHING
        && user.password.is_hashed_as(&found.password_hash)
}

fn unknown(desired: &Topology, why: &str, plan: &mut Plan) {
    let conflict = |user: &User| Conflict::LoginsUnknown {
        name: user.name.clone(),
        why: why.to_owned(),
    };
    plan.conflicts.extend(desired.users.iter().map(conflict));
}
