//! No input panics, and work stays linear in it.

use super::*;

/// Pieces out of which texts near to right ones are made.
const PIECES: [&str; 40] = [
    "[[zone]]\n",
    "[[pool]]\n",
    "[[record]]\n",
    "[[hosted_zone]]\n",
    "[region]\n",
    "id = ",
    "name = ",
    "endpoints = [",
    "\"euw2-az1\"",
    "\"web\"\n",
    "{ address = ",
    "}",
    "]",
    "\n",
    "choose = [\"open\"]\n",
    "\"take 300\"",
    "answers = [{ record = \"www.example.test.\", geo = [\"*\"] }, ",
    "values = ['10 a.']\n",
    "type = \"ALIAS\"\nto = \"www.example.test.\"\n",
    "type = \"MX\"\n",
    "[[record.answers]]\npool = \"web\"\n",
    "[[cidr_collection]]\nname = \"c\"\nplaces.a = [\"::/0\"]\n",
    "cidr = { collection = \"c\", places = [\"a\"] }\n",
    "choose = [\"open\", \"geo\", \"cidr\", \"sticky\"]\n",
    "primaries = [{ address = \"192.0.2.1:53\" }]\n",
    "updates = [{ key = \"k.\", names = [\"*.\"] }]\n",
    "protocol = \"tls\"\nlisten = \"0.0.0.0:80\"\n",
    "hosts = [\"a.test\"]\npaths = [\"/\"]\n",
    "failover = { to = \"web\" }\n",
    "[pool.patience]\nconnect = \"1s\"\n",
    "assigned = \"s\"\n",
    "[[assignment]]\nservice = \"s\"\nrecord = \"www.example.test.\"\nplaces = [{ pool = \"web\", url = \"https://a\" }]\n",
    "-1",
    "1e999",
    "99999999999999999999",
    "0x10",
    "1979-05-27",
    "\"\"\"",
    "'",
    "ü",
];

proptest! {
    /// Any text gets an answer.
    #[test]
    fn any_text_is_answered(toml in any::<String>(), zone in any::<String>()) {
        let mut bundle = bundle(&toml);
        let _ = read_estate("estate.toml", &bundle);
        let _ = estate_files("estate.toml", &toml);
        bundle.toml = DESIGN.to_owned();
        bundle.files.insert("example.test.zone".to_owned(), zone);
        let _ = read_estate("estate.toml", &bundle);
    }

    /// Pieces of estates in any order get an answer, too.
    #[test]
    fn pieces_are_answered(pieces in prop::collection::vec(prop::sample::select(&PIECES[..]), 0..60)) {
        let _ = read_estate("estate.toml", &bundle(&pieces.concat()));
    }

    /// A right estate with some characters cut out and some pieces put in gets an answer; if it is one of problems, each
    /// has a place inside the text.
    #[test]
    fn damaged_estates_are_answered(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, prop::sample::select(&PIECES[..])), 1..5),
    ) {
        let mut text: Vec<char> = DESIGN.chars().collect();
        for (at, length, piece) in cuts {
            let at = at.index(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, piece.chars());
        }
        let toml: String = text.into_iter().collect();
        if let Err(problems) = read_estate("estate.toml", &bundle(&toml)) {
            prop_assert!(!problems.0.is_empty());
            let lines: Vec<usize> = toml.split('\n').map(|line| line.chars().count()).collect();
            for problem in problems.0.iter().filter(|problem| problem.line > 0) {
                let columns = lines.get(problem.line as usize - 1);
                prop_assert!(columns.is_some_and(|columns| problem.column as usize <= columns + 1), "{problem}");
            }
        }
    }

    /// The same for its master file.
    #[test]
    fn damaged_master_files_are_answered(
        cuts in prop::collection::vec(
            (any::<prop::sample::Index>(), 0usize..8, prop::sample::select(&["(", ")", "\"", "\\", "\\#", ";", "\n", "@", " ", "\\300", "é", "$", "."][..])),
            1..6,
        ),
    ) {
        let mut text: Vec<char> = DESIGN_ZONE.chars().collect();
        for (at, length, piece) in cuts {
            let at = at.index(text.len());
            let end = (at + length).min(text.len());
            text.splice(at..end, piece.chars());
        }
        let mut bundle = bundle(DESIGN);
        bundle.files.insert("example.test.zone".to_owned(), text.into_iter().collect());
        let _ = read_estate("estate.toml", &bundle);
    }

    /// Reading is a function: two nodes that read the same text hold the same estate.
    #[test]
    fn reading_twice_gives_the_same(weight in 0u16.., rise in 0u8..12) {
        let toml = DESIGN.replace("weight = 50", &format!("weight = {weight}")).replace("rise = 2", &format!("rise = {rise}"));
        prop_assert_eq!(read_estate("e", &bundle(&toml)), read_estate("e", &bundle(&toml)));
    }
}

/// Many branches to one large pool and to names that are not there, many aliases, many delegations: no work takes the square of
/// the text.
#[test]
fn large_estates_are_answered() {
    let endpoint =
        |at: usize| format!("{{ address = \"10.9.{}.{}:80\", zone = \"euw2-az1\" }},", at / 256, at % 256);
    let endpoints: String = (0..9_999).map(endpoint).collect();
    let branches = "{ pool = \"large\" },{ record = \"gone.example.test.\" },".repeat(25);
    let record =
        |name: String, more: String| format!("[[record]]\nname = \"{name}.example.test.\"\n{more}\n");
    let tree = |at: usize| record(format!("t{at}"), format!("type = \"A\"\nanswers = [{branches}]"));
    let alias =
        |at: usize| record(format!("a{at}"), format!("type = \"ALIAS\"\nto = \"a{}.example.test.\"", at + 1));
    let cut =
        |at: usize| record(format!("v{at}"), format!("type = \"NS\"\nvalues = [\"a.v{at}.example.test.\"]"));
    let many: [String; 3] =
        [(0..800).map(tree).collect(), (0..1_100).map(alias).collect(), (0..4_000).map(cut).collect()];
    for more in many {
        let toml = format!("{DESIGN}\n[[pool]]\nname = \"large\"\nendpoints = [{endpoints}]\n{more}");
        let _ = read_estate("estate.toml", &bundle(&toml));
    }
}

/// Texts that nest, repeat or never end, half a megabyte each: answered without deep recursion or quadratic work, which
/// would take minutes here.
#[test]
fn large_texts_are_answered() {
    let times = 1 << 19;
    for piece in [
        "[",
        "a.",
        "a={",
        "\"",
        "[[a]]\n",
        "[[pool]]\n",
        "=\n",
        "x=1\n",
        "#",
        "a=[",
        "[[zone]]\nid='a'\n",
        "'''",
        "\\",
        "\u{1}",
    ] {
        let text = piece.repeat(times / piece.len());
        let _ = read_estate("estate.toml", &bundle(&text));
    }
    for piece in [
        "(",
        "a ",
        "\"",
        "\n",
        " (\n",
        "a A 1\n",
        "a A 1.1.1.1\n",
        "b.a CNAME c\n",
        "a.",
        "a NS a\n",
        "\\",
        ")",
    ] {
        let mut bundle = bundle(DESIGN);
        let head = "$TTL 1\n@ SOA a a 1 1 1 1 1\n@ NS a\n";
        bundle
            .files
            .insert("example.test.zone".to_owned(), format!("{head}{}", piece.repeat(times / piece.len())));
        let _ = read_estate("estate.toml", &bundle);
    }
}
