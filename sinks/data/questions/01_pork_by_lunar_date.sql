-- What does pork cost in each city, against the same lunar date of last year?
-- for: analyst
-- Yuan per kg. A month that was a leap month then, or a 30th that there was not, is answered by the day before it.
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today,
     (SELECT (lunar_year, lunar_month, lunar_day) FROM lunar_dates WHERE day = today) AS lunar,
     (SELECT max(day) FROM lunar_dates WHERE lunar_year = lunar.1 - 1 AND lunar_month = lunar.2
      AND lunar_day <= lunar.3 AND NOT leap) AS then
SELECT city, r.name_zh AS name, sumIf(priced_amount, day = today) * 10 / sumIf(base_qty, day = today) AS price,
       sumIf(priced_amount, day = then) * 10 / sumIf(base_qty, day = then) AS last_year,
       100 * (price / last_year - 1) AS percent
FROM cells_1d AS c LEFT JOIN regions AS r ON r.code = c.city
WHERE c.code LIKE '0301%' AND day IN (today, then)
GROUP BY city, name HAVING last_year > 0 ORDER BY city
