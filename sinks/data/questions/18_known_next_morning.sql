-- How much of a day's turnover was known at eight the next morning, and how much came late or was corrected?
-- for: auditor
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT substring(county, 1, 2) AS province, sum(amount) / 100 AS yuan,
       100 * sumIf(amount, known_at <= toDateTime(today + 1, 'Asia/Shanghai') + INTERVAL 8 HOUR) / sum(amount) AS percent
FROM sales
WHERE ts >= toDateTime(today, 'Asia/Shanghai') AND ts < toDateTime(today + 1, 'Asia/Shanghai')
GROUP BY province ORDER BY province
