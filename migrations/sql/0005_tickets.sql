-- Keys of TLS session tickets, shared by all nodes, so that a session begun at one is resumed at any other. An epoch is
-- a count of six hours since 1970; a key seals tickets in its epoch, opens them until the end of the next one, and is
-- then removed. The key of the coming epoch is stored an epoch ahead, so that every node has it before one uses it.
create table ticket_keys (
    -- also the name of the key in the tickets
    id uuid primary key,
    epoch bigint not null constraint ticket_keys_epoch_key unique,
    key_sealed bytea not null,
    created_at timestamptz not null
);
select wall.platform('ticket_keys');
