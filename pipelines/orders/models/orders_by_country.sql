-- Orders and turnover of each country, from the current row of each order. Read by queries/by_country.
SELECT
	country,
	count(*) AS orders,
	count(DISTINCT customer) AS customers,
	sum(total) AS turnover,
	max(placed_at) AS last_order_at
FROM orders
GROUP BY country
