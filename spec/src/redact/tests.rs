//! What is hidden and what stays, in tables (rule 4).

use super::*;
use proptest::prelude::*;

#[test]
fn rule_4_credentials_are_hidden() {
    for (text, shown) in [
        ("https://me:s3cret@host/x", "https://***@host/x"),
        ("https://s3cret@host", "https://***@host"),
        ("https://me:p@ss@host/", "https://***@host/"),
        ("postgres://u:p@db:5432/x?sslmode=on", "postgres://***@db:5432/x?sslmode=on"),
        ("at me:s3cret@host:80 it", "at ***@host:80 it"),
        ("Bearer abc.def-1", "Bearer ***"),
        ("authorization: bearer abcdefabcdef", "authorization: bearer ***"),
        ("Authorization: Token1", "Authorization: ***"),
        ("https://h/?token=s3&x=1", "https://h/?token=***&x=1"),
        ("https://h/?x=1&access_token=s3#f", "https://h/?x=1&access_token=***#f"),
        ("https://h/?api%5Fkey=s3", "https://h/?api%5Fkey=***"),
        ("--api-key=s3", "--api-key=***"),
        ("API_KEY=s3", "API_KEY=***"),
        ("{\"api_key\":\"s3\"}", "{\"api_key\":\"***\"}"),
        ("password: s3", "password: ***"),
        ("key ghp_0123456789abcdefghij here", "key *** here"),
        ("/v1/sk-0123456789abcdefghij/x", "/v1/***/x"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----***-----END RSA PRIVATE KEY-----",
        ),
        ("https://u:s3@h/?q=", "https://***@h/?q="),
        ("https://h/?token=s3&x=", "https://h/?token=***&x="),
        ("--token=aHVudGVyMg==", "--token=***"),
        ("cannot reach https://u:s3@h: timeout", "cannot reach https://***@h: timeout"),
        ("https://u:pa,s3@h/", "https://***@h/"),
        ("https://u:pa's3@h/", "https://***@h/"),
        ("Authorization=Bearer s3", "Authorization=Bearer ***"),
        ("Authorization:Bearer\ns3", "Authorization:Bearer\n***"),
        ("{\"password\":\"x s3\"}", "{\"password\":\"***\"}"),
        ("api_key = s3", "api_key = ***"),
        ("token := s3", "token := ***"),
        ("token => s3", "token => ***"),
        ("{\"api_key\" : \"s3\"}", "{\"api_key\" : \"***\"}"),
        ("{\\\"api_key\\\":\\\"s3\\\"}", "{\\\"api_key\\\":\\\"***\\\"}"),
        ("https://h/?x[token]=s3", "https://h/?x[token]=***"),
        ("https://h/?code=s3", "https://h/?code=***"),
        ("https%3A%2F%2Fu%3As3%40h", "***"),
        ("tok\u{ad}en=s3", "tok\u{ad}en=***"),
        ("api_key=$s3", "api_key=***"),
        ("run --token s3", "run --token ***"),
        ("${TOKEN:-s3}", "${TOKEN:-***}"),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

#[test]
fn rule_4_a_password_may_hold_what_ends_an_authority() {
    for (text, shown) in [
        ("https://u:80/hunter2@h", "https://***@h"),
        ("https://u:1234?hunter2@h/x", "https://***@h/x"),
        ("https://u:x#hunter2@h", "https://***@h"),
        ("https://u:x\\hunter2@h", "https://***@h"),
        ("https://u:pa/x@hunter2@h", "https://***@h"),
        ("https://u:p@hunter2/x@h", "https://***@h"),
        ("https://u:p@ss/@hunter2@h", "https://***@h"),
        ("postgres://john.doe:1234/hunter2@db/x", "postgres://***@db/x"),
        ("u:x/hunter2@h", "***@h"),
        ("a=u:x/hunter2@h", "a=***@h"),
        ("u:@hunter2@h", "***@h"),
        ("http:/u:hunter2@h", "http:/***@h"),
        ("http:u:hunter2@h", "***@h"),
        ("https:\\/\\/u:hunter2@h", "https:\\/\\/***@h"),
        ("{\"a\":\"http://u:80/hunter2@h/\",\"b\":\"me@x.org\"}", "{\"a\":\"http://***@h/\",\"b\":\"me@x.org\"}"),
        ("https://${U}:hunter2/${P}@h", "https://***@h"),
        ("git+https://u:hunter2@github.com/o/r@main", "git+https://***@github.com/o/r@main"),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

#[test]
fn rule_4_command_lines() {
    for (text, shown) in [
        ("curl -u user:hunter2 https://h", "curl -u user:*** https://h"),
        ("curl --user 'user:a hunter2'", "curl --user 'user:***'"),
        ("curl -U user:1234", "curl -U user:***"),
        ("curl -u ghp_0123456789abcdefghij:x-oauth-basic", "curl -u ***:***"),
        ("curl -u 'token=hunter2 x'", "curl -u 'token=*** x'"),
        ("mysql -uroot -phunter2 db", "mysql -uroot -p*** db"),
        ("/usr/bin/mariadb -phunter2", "/usr/bin/mariadb -p***"),
        ("run --env API_KEY hunter2", "run --env API_KEY ***"),
        ("run --env API_KEY=hunter2", "run --env API_KEY=***"),
        ("run --env=API_KEY=hunter2", "run --env=API_KEY=***"),
        ("--header \"Authorization: Bearer hunter2\"", "--header \"Authorization: Bearer ***\""),
        ("-H 'X-Api-Key: hunter2'", "-H 'X-Api-Key: ***'"),
        ("-HX-Api-Key:hunter2", "-HX-Api-Key:***"),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

#[test]
fn rule_4_schemes_under_any_header() {
    for (text, shown) in [
        ("X-A: Token hunter2", "X-A: Token ***"),
        ("X-A: ApiKey hunter2", "X-A: ApiKey ***"),
        ("X-A: Negotiate hunter2", "X-A: Negotiate ***"),
        ("X-A: Basic hunter2", "X-A: Basic ***"),
        ("Authorization: Splunk hunter2", "Authorization: *** ***"),
        ("Basic aHVudGVyMg==", "Basic ***"),
        ("sent Basic aHVudGVyOmh1bnRlcg", "sent Basic ***"),
        ("X-A:Token hunter2", "X-A:Token ***"),
        ("X-A=Bearer hunter2", "X-A=Bearer ***"),
        ("{\"X-A\":\"Token hunter2\"}", "{\"X-A\":\"Token ***\"}"),
        ("X-A: sid=hunter2", "X-A: sid=***"),
        (
            "connect.sid=hunter2; PHPSESSID=hunter2; JSESSIONID=hunter2",
            "connect.sid=***; PHPSESSID=***; JSESSIONID=***",
        ),
        ("Bearer+hunter2", "Bearer+***"),
        ("a=Bearer+hunter2&b=1", "a=Bearer+***&b=1"),
        ("Bearer%20hunter2", "***"),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

#[test]
fn rule_4_keys_however_they_are_written() {
    for (text, shown) in [
        ("{\"api\\u005fkey\":\"hunter2\"}", "{\"api\\u005fkey\":\"***\"}"),
        ("{\"\\u0074\\u006fken\":\"hunter2\"}", "{\"\\u0074\\u006fken\":\"***\"}"),
        ("'to\\x6ben': 'hunter2'", "'to\\x6ben': '***'"),
        ("https://h/?a=1\\u0026token=hunter2", "https://h/?a=1\\u0026token=***"),
        ("https://u:hunter2\\u0040h", "***"),
        ("\\u003ctoken\\u003ehunter2\\u003c/token\\u003e", "***"),
        ("token->hunter2", "token->***"),
        ("token -> hunter2", "token -> ***"),
        ("<token>hunter2</token>", "<token>***</token>"),
        ("<a><apiKey>a hunter2</apiKey><b>c</b></a>", "<a><apiKey>***</apiKey><b>c</b></a>"),
        ("VAULT_SECRET_ID=hunter2", "VAULT_SECRET_ID=***"),
        ("{\"tokens\":[\"a\",\"hunter2\"],\"b\":\"c\"}", "{\"tokens\":[\"***\",\"***\"],\"b\":\"c\"}"),
        ("secrets: [a, hunter2] and more", "secrets: [***, ***] and more"),
        ("\"keys\": [\"hunter2\", \"hunter2\"]", "\"keys\": [\"***\", \"***\"]"),
    ] {
        assert_eq!(redact(text), shown, "{text}");
    }
}

#[test]
fn rule_4_keys_of_secrets() {
    for key in [
        "PGPASSWORD",
        "SSHPASS",
        "GITHUBTOKEN",
        "API_KEY_1",
        "API_KEY2",
        "TOKEN1",
        "API_KEYS",
        "TOKENS",
        "COOKIES",
        "CREDS",
        "MASTERKEY",
        "AWSSECRETACCESSKEY",
        "PRIVATE_KEY_PEM",
        "SLACK_WEBHOOK",
        "MNEMONIC",
        "PIN",
        "OTP",
        "Authentication",
        "X-ApiKey2",
        "X-Key-1",
        "AUTHORIZATION_HEADER",
        "AUTH_HEADER",
        "X-Session-Id",
        "to\u{ad}ken",
        "SECRET_NAME",
        "VAULT_SECRET_ID",
        "OPENAIKEY",
        "APIKEY",
        "ADMINPASS",
        "DBPWD",
        "SID",
        "PHPSESSID",
        "api\\u005fkey",
    ] {
        assert!(is_secret_key(key), "{key}");
    }
    for key in [
        "MAX_TOKENS",
        "TOKEN_LIMIT",
        "PUBLIC_KEY",
        "TOKEN_FILE",
        "TOKEN_URL",
        "TOKEN_NAME",
        "ACCESS_KEY_ID",
        "TOKENIZERS_PARALLELISM",
        "KEYBOARD",
        "MONKEY",
        "SURVEYMONKEY",
        "HOTKEY",
        "COMPASS",
        "BYPASS",
        "OLDPWD",
        "ORACLE_SID",
        "REGION",
    ] {
        assert!(!is_secret_key(key), "{key}");
    }
}

#[test]
fn rule_4_what_is_no_credential_stays() {
    for text in [
        "https://example.org:8080/path?x=1",
        "$TOKEN",
        "${TOKEN}",
        "Bearer ${T}",
        "--token=${T}",
        "API_KEY=$K",
        "https://${U}:${P}@h/",
        "postgres://user:${PASSWORD}@h/x",
        "${API_KEY}:x",
        "postgresql://${DB_USER}:${DB_PASSWORD}@db.example.org:5432/x",
        "@scope/package@1.2.3",
        "npm:@scope/x@1",
        "jsr:@omedia/mcp@1.0",
        "redis:7@sha256:abcdef",
        "user@example.org",
        "a plain sentence, with commas",
        "the bearer of bad news",
        "C:\\dir",
        "8080:80",
        "type=bind,src=/a,dst=/b",
        "/usr/share/some/long/path-name_with.things",
        "MAX_TOKENS=5",
        "TOKEN_FILE=/x",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "550e8400-e29b-41d4-a716-446655440000",
        "modelcontextprotocol",
        "https://example.org/path?page=2",
        "https://example.org:8080/a?email=me@example.org",
        "http://localhost:8080/u/me@example.org",
        "http://verdaccio:4873/@scope/x",
        "http://${HOST}:${PORT}/u/me@example.org",
        "https://${U}:${P}@h/@scope/x@1",
        "{\"url\":\"http://redis:6379/0\",\"mail\":\"me@example.org\"}",
        "https://cdn.example.org/npm/x@1.2.3",
        "git+https://github.com/o/r@v1",
        "git+ssh://git@github.com/o/r",
        "git@github.com:o/r",
        "github:user/repo@main",
        "npm:x@1.2.3",
        "npm:x/y@1.2",
        "localhost:5000/image@1.0",
        "C:/dir/x@1",
        "/data:/data/x@y",
        "mailto:me@example.org",
        "Email: me@example.org or you@example.org: thanks",
        "from 12:30 on, me@example.org",
        "--max-tokens 100",
        "TOKENIZERS_PARALLELISM=false",
        "KEYBOARD=us, MONKEY=x",
        "-u http://h:8080",
        "-u db.example.org:5432",
        "docker run -u 1000:1000 -e API_KEY mcp/github-1 --user node:node",
        "docker run -p8080:80 x",
        "python -u x.py",
        "with basic authentication, or Bearer authorization",
        "Basic functionality for basic real-world needs, and a basic introduction.",
        "Auth type: Token based",
        "{\"type\":\"token\",\"name_1\":\"x\"}",
        "fn f(input: TokenStream) -> TokenStream",
        "List<Token> and <b>keys</b>, a->b",
        "C:\\users\\x64",
        "",
    ] {
        assert_eq!(redact(text), text);
    }
}

/// Pieces of texts that hold what the close look looks for.
const PIECES: &str = "([a-zA-Z0-9 :=@/,\"'{}%$._\\[\\]\\\\;?&+<>-]|api_key|TOKEN|sid=|SECRET_ID|Bearer |Bearer\\+|Token |Negotiate |https://|http:/|u:80/|/@|\\.org|ghp_|sk-|-----BEGIN PRIVATE|hunter2|abcdefabcdef| = | - |->|=>|<token>|</token>|--token |-u |-e |--env |docker |mysql |-p|pwd|\\\\u005f|\\\\u0074oken|\\\\x6b|\\\\u005c|%5f|%20|\u{ad}|\n|:-){0,40}";

#[test]
fn long_hostile_texts_are_answered() {
    for unit in ["http://a:1/", "http://u:x/", "u:x/@", "<token>", "-u '", "token=\"\\\"", "\\u005c", "${A:-", "%41"] {
        for end in ["@", "/@", "\"@", "'", "</", "}"] {
            let text = unit.repeat(4_000) + end;
            assert!(redact(&text).len() <= text.len() + MASK.len(), "{unit}{end}");
        }
    }
}

proptest! {
    /// The cheap look lets nothing through that the close one would hide.
    #[test]
    fn the_cheap_look_misses_nothing(text in PIECES) {
        prop_assert!(close_look(&text) == text || may_hold_secret(&text), "{}", text);
    }

    #[test]
    fn rule_4_what_follows_uncovers_nothing(
        credential in "(https://u:hunter2@h|u:hunter2@h|token=hunter2|--api-key=hunter2|https://h/\\?key=hunter2)",
        suffix in "(=|:|==|:\\.|/\\?q=)",
    ) {
        let text = credential + &suffix;
        let shown = redact(&text).into_owned();
        prop_assert!(!shown.contains("hunter2"), "{}", shown);
    }

    #[test]
    fn redaction_answers_any_text_and_is_stable(any in "\\PC{0,60}", pieces in PIECES) {
        for text in [any, pieces] {
            let once = redact(&text).into_owned();
            prop_assert_eq!(redact(&once).into_owned(), once.clone());
        }
    }

    #[test]
    fn a_password_in_a_url_never_shows(password in "[a-zA-Z0-9!%^*_=+:@.-][a-zA-Z0-9!$%^*_=+:@.-]{3,19}", user in "[a-z]{1,6}") {
        let shown = redact(&format!("see https://{user}:{password}@example.org/x now")).into_owned();
        prop_assert!(!shown.contains(&password), "{}", shown);
    }
}
