-- When do people buy: which share of the turnover falls into which hour of the day?
-- for: analyst
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT toHour(toTimeZone(hour, 'Asia/Shanghai')) AS clock, sum(amount) / 100 AS yuan,
       100 * yuan / sum(yuan) OVER () AS percent
FROM cells_1h WHERE day BETWEEN today - 6 AND today
GROUP BY clock ORDER BY clock
