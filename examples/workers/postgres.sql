-- The queue: an order is free, locked by the transaction of one worker, or done.
CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    done boolean NOT NULL DEFAULT false
);
CREATE INDEX orders_waiting ON orders (id) WHERE NOT done;

-- What the work leaves behind. No key on purpose: an order that was handled twice would be seen here twice.
CREATE TABLE handled (
    order_id bigint NOT NULL REFERENCES orders,
    zone text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
