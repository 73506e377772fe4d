//! Statements that read requests, made of one list of columns.

macro_rules! read {
    ($tail:literal) => {
        concat!(
            "select r.id, r.customer_id, u.name as customer_name, u.external_key as customer_key, r.contact_id,
                    c.name as contact_name, c.email as contact_email, r.kind, r.state, r.payload, r.summary, r.approver_id,
                    a.name as approver_name, r.erp_number, r.reason, r.attempts, r.last_error, r.handed_over_at, r.created_at,
                    r.changed_at
               from requests r
               join customers u on u.tenant_id = r.tenant_id and u.id = r.customer_id
               join contacts c on c.tenant_id = r.tenant_id and c.id = r.contact_id
               left join contacts a on a.tenant_id = r.tenant_id and a.id = r.approver_id
              where r.tenant_id = $1 and ",
            $tail
        )
    };
}

/// $2 id
pub(super) const ONE: &str = read!("r.id = $2");
/// $2 kind or none, $3 limit
pub(super) const NEWEST: &str =
    read!("($2::text is null or r.kind = $2) order by r.created_at desc, r.id desc limit $3");
/// $2 kind
pub(super) const PENDING: &str = read!(
    "r.kind = $2 and r.state in ('awaiting_approval', 'submitted', 'handed_over') order by r.created_at, r.id"
);
/// $2 kind, $3 state, $4 limit: those that changed longest ago first
pub(super) const OPEN_IN: &str = read!(
    "r.kind = $2 and r.state = $3 and r.state in ('awaiting_approval', 'submitted', 'handed_over')
     order by r.changed_at, r.id limit $4"
);
/// $2 customer, $3 kinds, $4 contact or none, $5 limit; $6 and $7 a place, here none
pub(super) const PAGE_NEWEST: &str = read!(
    "r.customer_id = $2 and r.kind = any($3) and ($4::uuid is null or r.contact_id = $4)
        and $6::timestamptz is null and $7::uuid is null
     order by r.created_at desc, r.id desc limit $5"
);
pub(super) const PAGE_OLDER: &str = read!(
    "r.customer_id = $2 and r.kind = any($3) and ($4::uuid is null or r.contact_id = $4) and (r.created_at, r.id) < ($6, $7)
     order by r.created_at desc, r.id desc limit $5"
);
/// Oldest first.
pub(super) const PAGE_NEWER: &str = read!(
    "r.customer_id = $2 and r.kind = any($3) and ($4::uuid is null or r.contact_id = $4) and (r.created_at, r.id) > ($6, $7)
     order by r.created_at, r.id limit $5"
);
/// $2 customer, $3 rejected since
pub(super) const ALIVE: &str = read!(
    "r.customer_id = $2 and (r.state in ('awaiting_approval', 'submitted', 'handed_over')
        or r.state = 'rejected' and r.changed_at > $3)
     order by r.changed_at desc, r.id limit 200"
);
