-- Which counties ran out of salt, and for how long?
-- for: analyst
-- A county is out where at least half of the shelves that reported were empty at the end of the day.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT county, min(day) AS since, max(day) AS until, toInt64(count()) AS days
FROM (
    SELECT county, day, toInt64(day) - row_number() OVER (PARTITION BY county ORDER BY day) AS spell
    FROM stock_1d WHERE code = '1001' AND day BETWEEN today - 30 AND today
    GROUP BY county, day HAVING sum(empty) * 2 >= sum(items)
)
GROUP BY county, spell ORDER BY days DESC, county, since
