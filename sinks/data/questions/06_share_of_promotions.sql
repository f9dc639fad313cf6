-- Which share of the turnover was on promotion in the last week, by province and channel?
-- for: analyst
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT province, channel, sum(amount) / 100 AS yuan, 100 * sum(promo_amount) / sum(amount) AS percent
FROM cells_1d WHERE day BETWEEN today - 6 AND today GROUP BY province, channel ORDER BY province, channel
