//! Descriptions stand in records, which are compared and resumed by them: they stay as they are, to the byte.

use brinell_attack::{attacks, recipe};

/// Every attack with its defaults.
const PLAIN: &[&str] = &[
    "fgsm",
    "pgd:steps=40,restarts=1,step=0.0625,random-start=true",
    "apgd-ce:steps=100,restarts=1,rho=0.75,eot=1,larger-radii=true,reference-quirk=false",
    "apgd-dlr:steps=100,restarts=1,rho=0.75,eot=1,larger-radii=true,reference-quirk=false",
    "apgd-margin:steps=100,restarts=1,rho=0.75,eot=1,larger-radii=true,reference-quirk=false",
    "apgd-t:targets=9,order=logits,loss=dlr,steps=100,restarts=1,rho=0.75,eot=1,larger-radii=true,reference-quirk=false",
    "fab:steps=100,restarts=1,targets=9,alpha-max=0.1,eta=1.05,beta=0.9",
    "fab-t:steps=100,restarts=1,targets=9,alpha-max=0.1,eta=1.05,beta=0.9",
    "square:queries=5000,restarts=1,p=0.8,rescale=false",
    "trees:nodes=20000,precision=0.001",
    "bim:steps=10,step=0.2,searches=20,polish=20",
    "deepfool:steps=50,classes=10,overshoot=0.02,polish=20",
    "cw:steps=1000,searches=9,lr=0.01,c=0.001,confidence=0,abort-early=true,polish=20",
    "ddn:steps=1000,gamma=0.05,radius=1,polish=20",
    "fmn:steps=1000,step=1,gamma=0.05,warm=false,polish=20",
    "ead:steps=1000,searches=9,lr=0.01,c=0.001,beta=0.01,abort-early=true,polish=20",
    "pdpgd:steps=1000,lr=0.1,dual-lr=0.1,ratio=0.01,polish=20",
    "sigma-zero:steps=1000,lr=1,sigma=0.001,threshold=0.3,adapt=0.01,polish=20",
    "sparse-rs:queries=10000,restarts=1,p=0.8,ends=0.5",
    "nes:steps=100,pairs=25,sigma=0.001,step=0.2,momentum=0.9,restarts=1",
    "spsa:steps=100,pairs=25,sigma=0.01,step=0.2,momentum=0.9,restarts=1",
    "hopskipjump:steps=64,evaluations=100,gamma=1,restarts=1",
    "surfree:steps=5000,theta=30,rho=0.98,kept=100,smooth=true,restarts=1",
    "boundary:steps=25000,spherical-step=0.01,source-step=0.01,adaptation=1.5",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+ni",
    "mi:steps=10,step=0.1,momentum=0,loss=log-odds+pi:beta=10,gamma=1",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+emi:points=11,radius=7",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+vt:points=20,beta=1.5",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+gra:points=20,beta=3.5,eta=0.94",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+pgn:points=20,beta=3,gamma=0.5",
    "mi:steps=20,step=0.1,momentum=0.5,loss=log-odds+mef:points=20,gamma=2,kappa=0.15,inner=0.9",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+di:p=0.5,rate=1.1",
    "mi:steps=10,step=1,momentum=1,loss=log-odds+dem",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+ti",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+si:copies=5",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+admix:eta=0.2,mixes=3,copies=5",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+ssa:copies=20,rho=0.5,pull=false",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+bsr:copies=20,blocks=3,angle=24",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+sia:copies=20,blocks=3",
    "mi:steps=10,step=0.1,momentum=1,loss=log-odds+decowa:copies=20,noise=1,rho=0.01",
];

/// Attacks with some settings, and what they are described as.
const GIVEN: &[(&str, &str)] = &[
    ("pgd:steps=7,step=0.25,random-start=false", "pgd:steps=7,restarts=1,step=0.25,random-start=false"),
    ("pgd:steps=3", "pgd:steps=3,restarts=1,step=0.8333333333333334,random-start=true"),
    (
        "apgd-t:order=malt,loss=margin,targets=3,eot=20,larger-radii=false",
        "apgd-t:targets=3,order=malt,loss=margin,steps=100,restarts=1,rho=0.75,eot=20,larger-radii=false,reference-quirk=false",
    ),
    ("apgd-ce:reference-quirk=true,rho=1e-7", "apgd-ce:steps=100,restarts=1,rho=0.0000001,eot=1,larger-radii=true,reference-quirk=true"),
    ("square:patience=1.5,p=1,rescale=true", "square:queries=5000,restarts=1,p=1,rescale=true,patience=1.5"),
    ("fab:eta=1,beta=0,alpha-max=1", "fab:steps=100,restarts=1,targets=9,alpha-max=1,eta=1,beta=0"),
    ("spsa:sigma=1e20", "spsa:steps=100,pairs=25,sigma=100000000000000000000,step=0.2,momentum=0.9,restarts=1"),
    ("nes:momentum=0.1,step=1e-10", "nes:steps=100,pairs=25,sigma=0.001,step=0.0000000001,momentum=0.1,restarts=1"),
    ("cw:confidence=0.5,abort-early=false,polish=0", "cw:steps=1000,searches=9,lr=0.01,c=0.001,confidence=0.5,abort-early=false,polish=0"),
    ("deepfool:overshoot=0", "deepfool:steps=50,classes=10,overshoot=0,polish=20"),
    ("fmn:warm=true", "fmn:steps=1000,step=1,gamma=0.05,warm=true,polish=20"),
    ("surfree:smooth=false,theta=90,kept=0", "surfree:steps=5000,theta=90,rho=0.98,kept=0,smooth=false,restarts=1"),
    ("trees:precision=0.999", "trees:nodes=20000,precision=0.999"),
    ("bim:steps=3, steps=4,", "bim:steps=4,step=0.2,searches=20,polish=20"),
];

#[test]
fn descriptions_of_defaults_are_those_in_records() {
    let found: Vec<String> = attacks().map(|attack| recipe(attack.name).unwrap().describe()).collect();
    assert_eq!(found, PLAIN);
}

#[test]
fn descriptions_have_what_was_given_in_the_order_of_records() {
    for (given, described) in GIVEN {
        assert_eq!(recipe(given).unwrap().describe(), *described);
        assert_eq!(recipe(described).unwrap().describe(), *described);
    }
}
