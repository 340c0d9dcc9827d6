SELECT
    c.country AS country
    , COUNT(*) AS orders
    , CAST(SUM(o.cents) AS BIGINT) AS cents
FROM {{ df_1 }} AS o
JOIN {{ df_2 }} AS c ON c.id = o.customer_id
GROUP BY c.country
ORDER BY c.country
