-- When the tenant was erased: what was accepted before is counted no more. Its row goes on under another number, so that
-- nothing which a process remembers of the old one is ever used again.
ALTER TABLE sendry.tenant ADD COLUMN erased_at BIGINT;
