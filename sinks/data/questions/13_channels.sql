-- How much dearer is each commodity in one channel than in another?
-- for: analyst
-- Unit values of the last week in yuan per kg, L or piece: the mix of goods differs too.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT code, channel, sum(priced_amount) * 10 / sum(base_qty) AS price,
       100 * (price / first_value(price) OVER (PARTITION BY code ORDER BY channel) - 1) AS percent
FROM cells_1d WHERE day BETWEEN today - 6 AND today
GROUP BY code, channel HAVING sum(base_qty) > 0 ORDER BY code, channel
