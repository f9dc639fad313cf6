-- Which alerts were there, how did they rise, and who did what how soon?
-- for: analyst
WITH toDate(now(), 'Asia/Shanghai') - 1 AS today
SELECT alert_id, any(commodity_zh) AS commodity, any(region_zh) AS region, min(a.detected) AS seen, max(revision) AS revisions,
       argMax(level, revision) AS now, any(peak_level) AS peak, any(p.first) AS first_action, any(p.minutes) AS minutes,
       any(p.actions) AS actions
FROM alerts AS a LEFT JOIN (
    SELECT c.alert_id AS alert_id, argMin(c.action, c.at) AS first,
           dateDiff('minute', any(d.detected), min(c.at)) AS minutes, toInt64(count()) AS actions
    FROM alert_actions AS c INNER JOIN (SELECT alert_id, min(detected) AS detected FROM alerts GROUP BY alert_id) AS d
    ON d.alert_id = c.alert_id GROUP BY c.alert_id
) AS p ON p.alert_id = a.alert_id
WHERE toDate(a.detected, 'Asia/Shanghai') BETWEEN today - 30 AND today
GROUP BY alert_id ORDER BY seen, alert_id
