-- Which share of the registered terminals reported yesterday, by province?
-- for: analyst
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT substring(county, 1, 2) AS province, sum(registered) AS terminals, 100 * sum(reported) / terminals AS percent
FROM reporting_1d WHERE day = today GROUP BY province ORDER BY province
