-- The best country: a SQL block on the table of another SQL block.
SELECT country, cents, '{{ state }}' AS state
FROM {{ df_1 }}
ORDER BY cents DESC
LIMIT 1
