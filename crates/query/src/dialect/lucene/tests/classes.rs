//! Values that stand for many: classes of status codes, networks, paths.

use expect_test::expect;

use super::foreign::check;

#[test]
fn classes_of_status_codes_and_networks() {
    check(
        &[
            "status_code:5xx",
            "http.status_code:5xx",
            "response.status:4xx",
            "status_code:50x",
            "status_code:[4xx TO 5xx]",
            "status_code:>=5xx",
            "status_code:<5xx",
            "status_code:IN [4xx 500]",
            "NOT status_code:5xx",
            "service:5xx",
            "client_ip:10.0.0.0/8",
            "client_ip:IN [10.0.0.0/8 192.168.0.0/16 1.2.3.4]",
            "client_ip:2001:db8::/32",
            "client_ip:fe80::1",
            "client_ip:[10.0.0.1 TO 10.0.0.9]",
            "client_ip:10.0.0.0/99",
            "NOT client_ip:10.0.0.0/8",
            "10.0.0.0/8",
            "/api/courses/3/",
            "/api/courses/*",
            "/api/",
            "-/health",
        ],
        &expect![[r##"
            status_code:5xx
                or(status_code:is("5xx"), status_code:Numbers { lower: Included(Integer(500)), upper: Included(Integer(599)) })
            http.status_code:5xx
                or(status_code:is("5xx"), status_code:Numbers { lower: Included(Integer(500)), upper: Included(Integer(599)) })
            response.status:4xx
                or(response.status:is("4xx"), response.status:Numbers { lower: Included(Integer(400)), upper: Included(Integer(499)) })
            status_code:50x
                or(status_code:is("50x"), status_code:Numbers { lower: Included(Integer(500)), upper: Included(Integer(509)) })
            status_code:[4xx TO 5xx]
                status_code:Numbers { lower: Included(Integer(400)), upper: Included(Integer(599)) }
            status_code:>=5xx
                status_code:Numbers { lower: Included(Integer(500)), upper: Unbounded }
            status_code:<5xx
                status_code:Numbers { lower: Unbounded, upper: Excluded(Integer(500)) }
            status_code:IN [4xx 500]
                or(status_code:is("4xx" "500"#), status_code:Numbers { lower: Included(Integer(400)), upper: Included(Integer(499)) })
            NOT status_code:5xx
                not(or(status_code:is("5xx"), status_code:Numbers { lower: Included(Integer(500)), upper: Included(Integer(599)) }))
            service:5xx
                service:is("5xx")
            client_ip:10.0.0.0/8
                or(client_ip:is("10.0.0.0/8"), client_ip:addresses(10.0.0.0-10.255.255.255))
            client_ip:IN [10.0.0.0/8 192.168.0.0/16 1.2.3.4]
                or(client_ip:is("10.0.0.0/8" "192.168.0.0/16" "1.2.3.4"), client_ip:addresses(10.0.0.0-10.255.255.255 192.168.0.0-192.168.255.255))
            client_ip:2001:db8::/32
                or(client_ip:is("2001:db8::/32"), client_ip:addresses(2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff))
            client_ip:fe80::1
                or(client_ip:is("fe80::1"), client_ip:addresses(fe80::1-fe80::1))
            client_ip:[10.0.0.1 TO 10.0.0.9]
                client_ip:addresses(10.0.0.1-10.0.0.9)
            client_ip:10.0.0.0/99
                client_ip:is("10.0.0.0/99")
            NOT client_ip:10.0.0.0/8
                not(or(client_ip:is("10.0.0.0/8"), client_ip:addresses(10.0.0.0-10.255.255.255)))
            10.0.0.0/8
                text:phrase(10 0 0 0 8)
            /api/courses/3/
                or(text:phrase(api courses 3), path:is("/api/courses/3/"), route:is("/api/courses/3/"), endpoint:is("/api/courses/3/"))
            /api/courses/*
                or(text:phrase(api courses), path:fits(/api/courses/* | phrase(api courses)), route:fits(/api/courses/* | phrase(api courses)), endpoint:fits(/api/courses/* | phrase(api courses)))
            /api/
                text:word(/api/)
            -/health
                not(or(text:phrase(health), path:is("/health"), route:is("/health"), endpoint:is("/health")))
        "##]],
    );
}
