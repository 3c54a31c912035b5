-- People ask: where do the orders come from? The largest turnover first, ties by name.
SELECT country, orders, customers, turnover, last_order_at
FROM orders_by_country
ORDER BY turnover DESC, country
