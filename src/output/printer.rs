//! Writes records in one format.

use std::io::Write;

use serde_json::{Map, Value};

use super::csv::Columns;
use super::text::json;
use super::{Format, Palette, pretty};

/// Writes records to an output.
#[derive(Debug)]
pub struct Printer<W> {
    out: W,
    palette: Palette,
    form: Form,
    text: String,
    record_count: u64,
}

#[derive(Debug)]
enum Form {
    Pretty,
    Json,
    Csv(Columns),
}

impl<W: Write> Printer<W> {
    /// Returns a printer; `fields` are the columns of a CSV file, none for the usual ones.
    pub fn new(out: W, format: Format, fields: &[String], palette: Palette) -> Printer<W> {
        let form = match format {
            Format::Pretty => Form::Pretty,
            Format::Json => Form::Json,
            Format::Csv if fields.is_empty() => Form::Csv(Columns::Usual),
            Format::Csv => Form::Csv(Columns::Named(fields.to_vec())),
        };
        Printer { out, palette, form, text: String::new(), record_count: 0 }
    }

    /// Writes one record.
    pub fn print(&mut self, record: &Map<String, Value>) -> std::io::Result<()> {
        self.text.clear();
        match &self.form {
            Form::Pretty => pretty::push_record(&mut self.text, record, self.palette),
            Form::Json => {
                self.text.push_str(&json(record)?);
                self.text.push('\n');
            }
            Form::Csv(columns) => {
                if self.record_count == 0 {
                    columns.push_header(&mut self.text);
                }
                columns.push_record(&mut self.text, record);
            }
        }
        self.record_count += 1;
        self.out.write_all(self.text.as_bytes())
    }

    /// Writes what is buffered; a CSV file without records still gets its header.
    pub fn finish(&mut self) -> std::io::Result<()> {
        if let (Form::Csv(columns), 0) = (&self.form, self.record_count) {
            self.text.clear();
            columns.push_header(&mut self.text);
            self.out.write_all(self.text.as_bytes())?;
        }
        self.out.flush()
    }

    /// Writes what is buffered.
    pub fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }

    /// Returns how many records were written.
    pub fn record_count(&self) -> u64 {
        self.record_count
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const RECORDS: &str = r#"[
        {"timestamp":"2026-11-20T14:05:09.123456Z","level":"info","message":"GET /courses/ answered 200",
         "service":"lms-web","request_id":"4f1c","status_code":200,"duration_ms":12.50,"big":18446744073709551615,
         "agent":"Mozilla/5.0 (X11)","path":"/courses/","tags":["a","b"],"level_text":"INFO","empty":"","del":"\u007f"},
        {"timestamp":"2026-11-20T14:05:09.200000Z","level":"critical","level_text":"FATAL","message":"pool \u001b[31mexhausted\nwaiting: 3",
         "exc_info":"Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'x'\u001b[0m\n",
         "sql":"SELECT 1\nFROM t"},
        {"level":7,"message":{"odd":true},"note":"=1+1","user\u001b_id":"-x,\"y\""}
    ]"#;

    fn check(format: Format, fields: &[&str], palette: Palette, expected: &Expect) {
        let records: Vec<Map<String, Value>> = serde_json::from_str(RECORDS).expect("JSON");
        let fields: Vec<String> = fields.iter().map(|&field| field.to_owned()).collect();
        let mut out = Vec::new();
        let mut printer = Printer::new(&mut out, format, &fields, palette);
        for record in &records {
            printer.print(record).expect("a Vec takes any text");
        }
        printer.finish().expect("a Vec takes any text");
        let text = String::from_utf8(out).expect("UTF-8");
        // Escape codes and carriage returns are made readable for the snapshot.
        expected.assert_eq(&text.replace('\u{1b}', "<ESC>").replace('\r', "<CR>"));
    }

    #[test]
    fn pretty_shows_message_fields_and_traceback() {
        check(
            Format::Pretty,
            &[],
            Palette::Plain,
            &expect![[r#"
                2026-11-20T14:05:09.123456Z INFO     lms-web GET /courses/ answered 200  request_id=4f1c path=/courses/ status_code=200 duration_ms=12.50 big=18446744073709551615 agent="Mozilla/5.0 (X11)" tags=["a","b"] empty="" del="\u007f"
                2026-11-20T14:05:09.200000Z CRITICAL pool \x1b[31mexhausted  level_text=FATAL
                    waiting: 3
                    Traceback (most recent call last):
                      File "a.py", line 1
                    KeyError: 'x'\x1b[0m
                    sql:
                      SELECT 1
                      FROM t
                level=7 message={"odd":true} note="=1+1" user\x1b_id="-x,\"y\""
            "#]],
        );
    }

    #[test]
    fn pretty_on_a_terminal_has_the_colour_of_the_level() {
        check(
            Format::Pretty,
            &[],
            Palette::Coloured,
            &expect![[r#"
                <ESC>[2m2026-11-20T14:05:09.123456Z<ESC>[0m <ESC>[32mINFO<ESC>[0m     <ESC>[36mlms-web<ESC>[0m GET /courses/ answered 200  <ESC>[2mrequest_id=4f1c path=/courses/ status_code=200 duration_ms=12.50 big=18446744073709551615 agent="Mozilla/5.0 (X11)" tags=["a","b"] empty="" del="\u007f"<ESC>[0m
                <ESC>[2m2026-11-20T14:05:09.200000Z<ESC>[0m <ESC>[1m<ESC>[37m<ESC>[41mCRITICAL<ESC>[0m pool \x1b[31mexhausted  <ESC>[2mlevel_text=FATAL<ESC>[0m
                    waiting: 3
                <ESC>[2m    Traceback (most recent call last):
                      File "a.py", line 1
                    KeyError: 'x'\x1b[0m
                <ESC>[0m<ESC>[2m    sql:
                      SELECT 1
                      FROM t
                <ESC>[0m<ESC>[2mlevel=7 message={"odd":true} note="=1+1" user\x1b_id="-x,\"y\""<ESC>[0m
            "#]],
        );
    }

    #[test]
    fn json_keeps_every_digit() {
        check(
            Format::Json,
            &[],
            Palette::Plain,
            &expect![[r#"
            {"timestamp":"2026-11-20T14:05:09.123456Z","level":"info","message":"GET /courses/ answered 200","service":"lms-web","request_id":"4f1c","status_code":200,"duration_ms":12.50,"big":18446744073709551615,"agent":"Mozilla/5.0 (X11)","path":"/courses/","tags":["a","b"],"level_text":"INFO","empty":"","del":"\u007f"}
            {"timestamp":"2026-11-20T14:05:09.200000Z","level":"critical","level_text":"FATAL","message":"pool \u001b[31mexhausted\nwaiting: 3","exc_info":"Traceback (most recent call last):\n  File \"a.py\", line 1\nKeyError: 'x'\u001b[0m\n","sql":"SELECT 1\nFROM t"}
            {"level":7,"message":{"odd":true},"note":"=1+1","user\u001b_id":"-x,\"y\""}
        "#]],
        );
    }

    #[test]
    fn csv_quotes_and_never_runs_a_formula() {
        check(
            Format::Csv,
            &[],
            Palette::Plain,
            &expect![[r#"
                timestamp,level,service,message,request_id,user_id,endpoint,method,path,status_code,duration_ms,other<CR>
                2026-11-20T14:05:09.123456Z,info,lms-web,GET /courses/ answered 200,4f1c,,,,/courses/,200,12.50,"{""big"":18446744073709551615,""agent"":""Mozilla/5.0 (X11)"",""tags"":[""a"",""b""],""level_text"":""INFO"",""empty"":"""",""del"":""\u007f""}"<CR>
                2026-11-20T14:05:09.200000Z,critical,,"pool \x1b[31mexhausted
                waiting: 3",,,,,,,,"{""level_text"":""FATAL"",""exc_info"":""Traceback (most recent call last):\n  File \""a.py\"", line 1\nKeyError: 'x'\u001b[0m\n"",""sql"":""SELECT 1\nFROM t""}"<CR>
                ,7,,"{""odd"":true}",,,,,,,,"{""note"":""=1+1"",""user\u001b_id"":""-x,\""y\""""}"<CR>
            "#]],
        );
        check(
            Format::Csv,
            &["note", "user\u{1b}_id", "big"],
            Palette::Plain,
            &expect![[r#"
            note,user\x1b_id,big<CR>
            ,,18446744073709551615<CR>
            ,,<CR>
            '=1+1,"'-x,""y""",<CR>
        "#]],
        );
    }

    #[test]
    fn csv_without_records_has_its_header() {
        let mut out = Vec::new();
        let fields = ["level".to_owned(), "message".to_owned()];
        let mut printer = Printer::new(&mut out, Format::Csv, &fields, Palette::Plain);
        printer.finish().expect("a Vec takes any text");
        assert_eq!(String::from_utf8_lossy(&out), "level,message\r\n");
    }
}
