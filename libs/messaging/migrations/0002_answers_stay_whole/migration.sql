-- An answer that is kept for a day has about 2 kB, the size at which rows begin to be compressed: a third of what keeping it costs. Up to 4 kB it is left as it is.
alter table messaging.idempotency set (toast_tuple_target = 4080);
