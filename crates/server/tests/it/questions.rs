//! The twenty questions of docs/query.md, asked of what `neuraltrust demo` sends: each is answered, in the shape that it says.

use std::process::Command;
use std::time::{Duration, Instant};

use neuraltrust_testing::{Server, workspace};
use serde_json::Value;

use crate::{BINARY, start};

/// Lists whose elements are alike; every other array is as long as it is said to be.
const LISTS: [&str; 4] = ["items", "also", "ranges", "models"];
/// Lists that may be empty.
const MAY_BE_EMPTY: [&str; 2] = ["also", "models"];

/// A question, how it is asked, and what its answer looks like.
struct Question {
    title: String,
    language: String,
    asked: String,
    shape: Value,
}

/// The blocks of code below a headline: their language and text.
fn blocks(section: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = section.split("\n```").collect();
    let block = |part: &&str| part.split_once('\n').map(|(language, text)| (language.to_owned(), text.to_owned()));
    parts.iter().skip(1).step_by(2).filter_map(block).collect()
}

fn questions() -> Vec<Question> {
    let text = std::fs::read_to_string(workspace().join("docs/query.md")).unwrap();
    let (_, twenty) = text.split_once("## Twenty questions").unwrap();
    let question = |section: &str| {
        let (title, _) = section.split_once('\n').unwrap();
        let mut blocks = blocks(section).into_iter();
        let (language, asked) = blocks.next().unwrap();
        let (_, shape) = blocks.next().unwrap();
        let shape = serde_json::from_str(&shape).unwrap_or_else(|error| panic!("{title}: the shape is no JSON: {error}"));
        Question { title: title.to_owned(), language, asked, shape }
    };
    twenty.split("\n### ").skip(1).map(question).collect()
}

/// The words of a command line; what stands in single quotes is one.
fn words(line: &str) -> Vec<String> {
    let parts: Vec<&str> = line.split('\'').collect();
    let mut words = Vec::new();
    for (n, part) in parts.iter().enumerate() {
        match n % 2 {
            0 => words.extend(part.split_whitespace().map(str::to_owned)),
            _ => words.push((*part).to_owned()),
        }
    }
    words
}

fn ask(server: &Server, language: &str, asked: &str) -> Value {
    if language == "sh" {
        let words = words(asked.trim());
        let (program, arguments) = words.split_first().unwrap();
        assert_eq!(program, "neuraltrust");
        let mut command = Command::new(BINARY);
        command.args(arguments).arg("--json").env("NEURALTRUST_BASE_URL", server.url()).env("NEURALTRUST_API_KEY", server.key());
        let output = command.output().unwrap();
        assert!(output.status.success(), "{asked}: {}", String::from_utf8_lossy(&output.stderr));
        return serde_json::from_slice(&output.stdout).unwrap();
    }
    let (first, body) = asked.split_once('\n').unwrap_or((asked, ""));
    let (status, answer) = match first.split_once(' ').unwrap() {
        ("GET", path) => server.get(path.trim()),
        ("POST", path) => {
            let headers = [("x-api-key", server.key()), ("content-type", "application/json")];
            let answer = server.post(path.trim(), &headers, body.trim());
            (answer.status, answer.json())
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(status, 200, "{asked}: {answer}");
    answer
}

/// Why an answer has not a shape.
fn misfit(answer: &Value, shape: &Value, name: &str) -> Option<String> {
    match (answer, shape) {
        (_, Value::Null) => None,
        (Value::Object(answer), Value::Object(shape)) => shape.iter().find_map(|(name, shape)| match answer.get(name) {
            Some(answer) => misfit(answer, shape, name),
            None => Some(format!("{name} is missing")),
        }),
        (Value::Array(answers), Value::Array(shapes)) if LISTS.contains(&name) => {
            if answers.is_empty() && !MAY_BE_EMPTY.contains(&name) {
                return Some(format!("{name} is empty"));
            }
            let fits = |answer: &&Value| shapes.iter().all(|shape| misfit(answer, shape, "").is_some());
            let odd = answers.iter().find(fits)?;
            misfit(odd, shapes.first()?, "").map(|why| format!("{name}: {why}"))
        }
        (Value::Array(answers), Value::Array(shapes)) => match answers.len() == shapes.len() {
            true => answers.iter().zip(shapes).find_map(|(answer, shape)| misfit(answer, shape, name)),
            false => Some(format!("{name} has {} values", answers.len())),
        },
        // What was not measured, or is not known of a row.
        (Value::Null, Value::Number(_) | Value::String(_)) => None,
        (answer, shape) => {
            let same = std::mem::discriminant(answer) == std::mem::discriminant(shape);
            (!same).then(|| format!("{name} is {answer}, not like {shape}"))
        }
    }
}

#[test]
fn twenty_questions_are_answered_as_the_documentation_says() {
    let server = start();
    let sent = Command::new(BINARY).args(["demo", "--url", server.url(), "--key", server.key()]).output().unwrap();
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (_, status) = server.get("/api/v1/status");
        if status["indexed"] == status["recorded"] {
            break;
        }
        assert!(Instant::now() < deadline, "the lists do not follow: {status}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let questions = questions();
    assert_eq!(questions.len(), 20);
    let mut before = Value::Null;
    let mut wrong = Vec::new();
    for question in questions {
        let id = |n: usize| before["items"][n]["conversation_id"].as_str().unwrap_or_default().to_owned();
        let asked = question.asked.replace("FIRST", &id(0)).replace("SECOND", &id(1));
        let answer = ask(&server, &question.language, &asked);
        println!("{}\n{}\n", question.title, answer.to_string().chars().take(1_500).collect::<String>());
        wrong.extend(misfit(&answer, &question.shape, "").map(|why| format!("{}: {why}", question.title)));
        before = answer;
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
