-- How did the rush on salt spread, county by county and hour by hour?
-- for: analyst
-- The first hour (of China) with more than ten times the usual quantity of that hour, of the 14 days before.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT county, formatDateTime(min(hour), '%F %R', 'Asia/Shanghai') AS began,
       formatDateTime(argMax(hour, sold / usual), '%F %R', 'Asia/Shanghai') AS peak, max(sold / usual) AS factor
FROM (
    SELECT county, hour, sum(base_qty) AS sold,
           avg(sold) OVER (PARTITION BY county, toHour(hour) ORDER BY hour ROWS BETWEEN 14 PRECEDING AND 1 PRECEDING) AS usual
    FROM cells_1h WHERE code = '1001' AND day BETWEEN today - 21 AND today
    GROUP BY county, hour
)
WHERE usual > 0 AND sold > 10 * usual AND hour >= toDateTime(today - 6, 'Asia/Shanghai')
GROUP BY county ORDER BY began, county
