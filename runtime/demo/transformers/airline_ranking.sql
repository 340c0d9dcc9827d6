-- Airlines by mean departure delay, and what bad weather adds to it.
-- {{ df_1 }} and {{ df_2 }} are the blocks above this one, in their order: join_months, load_airlines.
WITH delays AS (
    SELECT
        carrier,
        SUM(flights) AS flights,
        SUM(cancelled) / SUM(flights) AS cancelled_share,
        SUM(dep_delay_sum) / SUM(departed) AS mean_dep_delay,
        SUM(dep_delay_sum) FILTER (WHERE bad_weather)
            / SUM(departed) FILTER (WHERE bad_weather) AS in_bad_weather,
        SUM(dep_delay_sum) FILTER (WHERE NOT bad_weather)
            / SUM(departed) FILTER (WHERE NOT bad_weather) AS in_fair_weather
    FROM {{ df_1 }}
    GROUP BY carrier
)
SELECT
    RANK() OVER (ORDER BY mean_dep_delay) AS place,
    airlines.name AS airline,
    delays.carrier,
    CAST(delays.flights AS BIGINT) AS flights,
    ROUND(100 * cancelled_share, 2) AS cancelled_percent,
    ROUND(mean_dep_delay, 2) AS mean_dep_delay,
    ROUND(in_bad_weather - in_fair_weather, 2) AS added_by_bad_weather
FROM delays
JOIN {{ df_2 }} AS airlines ON airlines.carrier = delays.carrier
WHERE delays.flights >= {{ min_flights }}
ORDER BY place
