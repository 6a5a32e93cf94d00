use proptest::prelude::*;

use super::*;

const PANEL: &str =
    "arn:aws:route53-recovery-control::000000000000:controlpanel/000000000000000000000000000000ab";

#[test]
fn resources_are_read_in_full_and_in_short() {
    for (text, written) in [
        ("arn:holdfast:estate::000000000000:pool/web", "arn:holdfast:estate::000000000000:pool/web"),
        ("region/eu-west-2", "arn:holdfast:estate::000000000000:region/eu-west-2"),
        ("record/WWW.example.test", "arn:holdfast:estate::000000000000:record/www.example.test."),
        ("record/*.example.test.", "arn:holdfast:estate::000000000000:record/*.example.test."),
    ] {
        let arn: ResourceArn = text.parse().unwrap();
        assert_eq!(arn.to_string(), written);
        assert_eq!(arn.name().parse(), Ok(arn));
    }
    for bad in [
        "",
        "web",
        "pool/",
        "pool/Web",
        "pool/a/b",
        "Pool/web",
        "arn:holdfast:estate::000000000001:pool/web",
        "arn:aws:ec2:::pool/web",
        "record/a..b",
        "zone/euw2-az1",
    ] {
        assert!(bad.parse::<ResourceArn>().is_err(), "{bad}");
    }
}

#[test]
fn objects_have_awss_form() {
    let cluster = ClusterArn(ClusterId(0xab));
    assert_eq!(
        cluster.to_string(),
        "arn:aws:route53-recovery-control::000000000000:cluster/00000000-0000-0000-0000-0000000000ab"
    );
    assert_eq!(cluster.to_string().parse(), Ok(cluster));
    let panel = PanelArn(PanelId(0xab));
    assert_eq!(panel.to_string(), PANEL);
    let control = ControlArn { panel: PanelId(0xab), control: ControlId(7) };
    assert_eq!(control.to_string(), format!("{PANEL}/routingcontrol/0000000000000007"));
    let rule = RuleArn { panel: PanelId(0xab), rule: RuleId(7) };
    assert_eq!(rule.to_string(), format!("{PANEL}/safetyrule/0000000000000007"));
    for object in [ObjectArn::from(cluster), panel.into(), control.into(), rule.into()] {
        assert_eq!(object.to_string().parse(), Ok(object));
        assert!(object.to_string().len() <= 255);
    }
    assert!(control.to_string().parse::<RuleArn>().is_err());
    assert!(format!("{control}/x").parse::<ObjectArn>().is_err());
    assert!(PANEL.to_uppercase().parse::<PanelArn>().is_err());
    assert!(PANEL.replace("000000000000:", "123456789012:").parse::<PanelArn>().is_err());
}

proptest! {
    /// What is read is written so that it reads as the same; what is not, is refused in few words.
    #[test]
    fn any_text_is_an_arn_or_none(text in "(arn:holdfast:estate::000000000000:|arn:aws:route53-recovery-control::000000000000:|)(pool/|record/|controlpanel/|)\\PC{0,100}") {
        match text.parse::<ResourceArn>() {
            Ok(arn) => prop_assert_eq!(arn.to_string().parse(), Ok(arn)),
            Err(error) => prop_assert!(error.to_string().chars().count() < 600),
        }
        match text.parse::<ObjectArn>() {
            Ok(arn) => prop_assert_eq!(arn.to_string(), text),
            Err(error) => prop_assert!(error.to_string().chars().count() < 600),
        }
    }
}
