//! Lines that hold nobody's data, in the shapes of systems, servers, databases, clouds and
//! applications. Each stays as it is, to the byte.

use std::borrow::Cow;

use tierlog_model::Value;

use super::{record, redacted, redactor};

const LINES: &[&str] = &[
    // Systems.
    "Jun 14 15:16:01 combo sshd(pam_unix)[19939]: authentication failure; logname= uid=0 euid=0 tty=NODEVssh ruser= rhost=218.188.2.4",
    "sshd[2211]: Accepted publickey for deploy from 10.0.0.7 port 51234 ssh2: ED25519 SHA256:4nZ9x1bZrP0q7yq5ZJtqO8Qm0n0m1o2p3q4r5s6t7u8",
    "sshd[24200]: Failed password for invalid user webmaster from 173.234.31.186 port 38926 ssh2",
    "sshd[24200]: pam_unix(sshd:auth): check pass; user unknown",
    "pam_unix(chpasswd:chauthtok): password changed for app",
    "su(pam_unix)[21416]: session opened for user cyrus by (uid=0)",
    "sudo:   app : TTY=pts/0 ; PWD=/srv/app ; USER=root ; COMMAND=/usr/bin/apt-get install -y passwd",
    "kex: server->client cipher: chacha20-poly1305@openssh.com MAC: umac-64-etm@openssh.com compression: none",
    "systemd[1]: Started Session 4242 of user app.",
    "systemd-logind[612]: New session c2 of user gdm.",
    "kernel: usb 1-1: New USB device found, idVendor=0781, idProduct=5567, bcdDevice= 1.00",
    "audit: type=1400 apparmor=\"STATUS\" operation=\"profile_load\" profile=\"unconfined\" name=\"/usr/bin/passwd\" pid=612",
    "postfix/cleanup[2331]: 4B2A1C0D: message-id=<20261130101112.4B2A1C0D@mail.example.org>",
    "CBS    Session: 30546173_4261722401 initialized by client WindowsUpdateAgent.",
    "CBS    Read out cached package applicability for package: Package_for_KB2928120~31bf3856ad364e35~amd64~~6.1.1.2, ApplicableState: 112",
    // Data platforms.
    "dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_38865049064139660 terminating",
    "BLOCK* NameSystem.addStoredBlock: blockMap updated: 10.251.73.220:50010 is added to blk_7128370237687728475 size 67108864",
    "org.apache.hadoop.mapreduce.security.TokenCache: Merging credentials",
    "INFO org.apache.hadoop.security.token.TokenIdentifier: Kind: YARN_AM_RM_TOKEN",
    "executor.Executor: Finished task 12.0 in stage 3.0 (TID 4242). 2087 bytes result sent to driver",
    "Session establishment complete on server 10.10.34.11/10.10.34.11:2181, sessionid = none, negotiated timeout = 10000",
    "nova.osapi_compute.wsgi.server [req-38101a0b-2096-447d-96ea-a692162415ae - - -] GET /v2/servers/detail HTTP/1.1 status: 200 len: 1893 time: 0.2477829",
    "LOG:  duration: 12.345 ms  statement: SELECT password_changed_at FROM users WHERE id = 7",
    "ERROR:  column \"password\" of relation \"users\" does not exist",
    "WiredTigerLog: connections accepted from 10.0.0.1:53214 #4242 (17 connections now open)",
    // Stack traces.
    "\tat com.example.auth.TokenService.validate(TokenService.java:42)",
    "\tat org.springframework.security.web.csrf.CsrfFilter.doFilterInternal(CsrfFilter.java:117)",
    "  File \"/srv/app/auth/tokens.py\", line 120, in check_token\n    raise TokenExpired()",
    "    at verifyPassword (/app/src/auth/password.js:57:13)\n    at async login (/app/src/auth/session.ts:31:5)",
    "thread 'main' panicked at src/credentials.rs:120:9: index out of bounds",
    "goroutine 1 [running]:\nmain.loadSecret(...)\n\t/app/secret.go:31 +0x1d",
    "app/models/session.rb:14:in `token'",
    "   at App.Auth.PasswordHasher.Verify(String hash) in /src/PasswordHasher.cs:line 88",
    "#0 /srv/app/Auth/Token.php(42): Token->check()",
    "    password = os.environ[\"DB_PASSWORD\"]\n               ~~~~~~~~~~^^^^^^^^^^^^^^^",
    "    user = authenticate(request, username=username, password=password)",
    "    token = self.session.get_token(key=self.key, secret=self.secret)",
    "    return self._request(\"POST\", url, headers={\"Authorization\": auth})",
    "lib/app_web/plugs/token.ex:12: AppWeb.Plugs.Token.call/2",
    "jwt/decode.rb:81:in `verify_signature': Signature verification failed (JWT::VerificationError)",
    // Compilers and parsers.
    "SyntaxError: Unexpected token: ')' at line 4",
    "SyntaxError: Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
    "error: expected one of `,` or `}`, found token `;`",
    "parse error near token: END",
    "JsonParseException: Unrecognized token 'oops': was expecting ('true', 'false' or 'null')",
    // Clouds.
    "{\"userIdentity\":{\"type\":\"AssumedRole\",\"accessKeyId\":\"ASIAEXAMPLE\",\"sessionContext\":{\"attributes\":{\"mfaAuthenticated\":\"false\"}}},\"eventName\":\"GetSecretValue\"}",
    "{\"metadataOptions\":{\"httpTokens\":\"required\",\"httpEndpoint\":\"enabled\"},\"clientToken\":\"a1b2\"}",
    "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"AllowRead\",\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\"}]}",
    "{\"annotations\":{\"authorization.k8s.io/decision\":\"allow\",\"authorization.k8s.io/reason\":\"RBAC\"}}",
    "MountVolume.SetUp succeeded for volume \"kube-api-access-x7k2p\" secret \"default-token-abcde\" not found",
    "{\"eventName\":\"GetSecretValue\",\"requestParameters\":{\"secretId\":\"prod/db\",\"versionStage\":\"AWSCURRENT\"}}",
    "arn:aws:secretsmanager:eu-west-1:153683330870:secret:prod/db-Cogv5w",
    "object-\"default\"/\"key-manager-credentials\": failed to list *v1.Secret: secrets \"search-api\" is forbidden",
    "{\"authentication.k8s.io/legacy-token\":\"system:serviceaccount:default:web\"}",
    "secretKeyRef: {name: notifications, key: password}",
    "password: {{ .Values.password | quote }} token: <%= ENV['TOKEN'] %> secret: !secret wifi_password",
    "token=Token{ec1c05d ActivityRecord{54df8dd u0 com.example/.ui.LauncherUI t475}}",
    "mToken=android.os.BinderProxy@3e6f521 key=28",
    "passwd[47347]: password changed for www-data",
    "gdm-password]: pam_unix(gdm-password:auth): authentication failure; logname= uid=0",
    "Access denied for user 'app'@'10.0.0.7' (using password: YES)",
    "routines:X509_check_private_key:key values mismatch",
    "Unpacking libsecret-1-0:amd64 (0.20.5-3) ...",
    "--- PASS: TestTokenRefresh (0.98s)",
    "> Task :auth:compileTokenKotlin UP-TO-DATE",
    "Got user-level KeeperException when processing sessionid:0x14ede63a5a70004 type:create cxid:0x1c",
    "lease_duration=6629 token_policies=[default scheduler] passwordEncoder=BCryptPasswordEncoder",
    // Applications.
    "forgot password: sending mail",
    "password reset: link sent",
    "login failed: invalid password",
    "token: expired, refreshing",
    "oauth2: cannot fetch token: 400 Bad Request",
    "new token: issued for client scheduler, scopes=[read write]",
    "api key: rotated (8 of 4)",
    "Authorization: Bearer [MASKED]",
    "postgres://app:***@db:5432/app redis://:[FILTERED]@cache:6379",
    "{\"password\": [\"This field is required.\"]}",
    "session: opened for user 42",
    "usage: prompt_tokens=812 completion_tokens=64 total_tokens=876 max_tokens=4096",
    "{\"usage\":{\"prompt_tokens\":812,\"completion_tokens\":64},\"token_valid\":true,\"csrf\":true}",
    "password=[FILTERED] token=<redacted> secret=${DB_PASSWORD} pin=**** auth=[REDACTED]",
    "{\"password\":\"********\",\"token\":null,\"secret\":\"\"}",
    "password: SecretStr('**********')",
    "TokenFilter: request passed in 3 ms",
    "AuthenticationManager: no provider for token type",
    "GET /reset-password/done HTTP/1.1 200",
    "GET /api/courses/12?page=2&code=404 HTTP/1.1",
    "feature password-reset enabled; missing fields: ['password', 'token']",
    "Vary: Cookie, Authorization",
    "Access-Control-Allow-Headers: authorization, cookie, x-api-key",
    "SELECT \"auth_user\".\"password\" FROM \"auth_user\" WHERE \"auth_user\".\"id\" = 7",
    "UPDATE users SET password = $1 WHERE id = $2",
    "mkdir -p /srv/app && docker run -p 80:80 -u 1000 web",
    "AUTH failed for client 7",
    "order 4539148803436467 shipped",
    "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "deploy 4bf92f3577b34da6a3ce929d0e0e4736 took 12.5s",
    "install dbus-user-session:amd64 python3-jwt:all",
    "cookie consent: yes; pass: 12, fail: 3, skip: 0",
    "key=course_17 sort_key=name primary key: id",
];

#[test]
fn ordinary_lines_stay_to_the_byte() {
    let redactor = redactor();
    let mut changed = Vec::new();
    for line in LINES {
        let mut given = record("{}");
        given.fields.push(("message".into(), Value::Str(Cow::Borrowed(line))));
        let answer = redacted(&redactor, given);
        let answer = answer.get_str("message").expect("text stays text");
        if answer != *line {
            changed.push(format!("{line:?} became {answer:?}"));
        }
    }
    assert!(changed.is_empty(), "{} of them:\n{}", changed.len(), changed.join("\n"));
}
