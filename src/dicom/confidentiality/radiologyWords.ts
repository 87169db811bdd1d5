/**
 * Words that a cleaned description may keep (PS3.15 E.3.5): technique, anatomy, side, contrast, phase, in English, German, French,
 * Spanish and Italian, in lower case without diacritics. No names, no places, no diseases: a word that is missing here costs
 * a word of a description; one too many could cost somebody's privacy.
 */
const words = `
  ct mr mri mrt pet spect us cr dx dr mg xa rf nm rx xray pt sr pr seg rt bmd dxa cbct cta mra mrv mrcp dsa hrct qct cbf cbv mtt
  tof tse fse gre flash space vibe blade propeller haste stir flair dixon dwi dti adc epi swi asl bold dce dsc fiesta ciss
  trufisp bssfp mprage spgr lava ideal tirm spair fs fatsat sat dual echo inphase outphase opposed water fat only tr te ti fa nex
  t1 t2 t1w t2w t2star pd pdw w wi weighted gradient spin inversion recovery diffusion perfusion trace b0 bvalue map maps color
  colour angio angiography angiogramm angiographie angiografia venography myelography arthrography arthro urography cystography
  fluoroscopy fluoro tomography tomosynthesis tomo scan scans scout topogram topo localizer localiser loc survey surview scanogram
  planning plan simulation sim verification setup test bolus timing monitoring premonitoring tracking care dose routine standard
  std protocol protokoll low high ultra fast quick rapid helical spiral sequential axial ax tra transverse transversal sagittal sag
  coronal cor oblique obl curved radial frontal lateral lat ap pa ll cc mlo ml lm dv vd rl lr si is supine prone decubitus upright
  standing erect sitting stehend liegend left right links rechts li re lt gauche droite gau drt izquierda derecha sinistra
  destra bilateral bds both unilateral ipsilateral upper lower middle mid inner outer anterior posterior superior inferior medial
  proximal distal dorsal ventral plantar palmar cranial caudal head neck skull brain cerebrum cerebral cerebellum brainstem
  pituitary sella orbit orbits orbita eye eyes sinus sinuses nasal nose face facial maxilla mandible jaw tmj teeth dental ear ears
  temporal petrous bone bones iac larynx pharynx thyroid parathyroid parotid salivary carotid vertebral circle cervical
  thoracic lumbar sacral sacrum coccyx spine spinal column cspine tspine lspine disc discs disk thorax chest lung lungs
  pulmonary bronchus trachea mediastinum heart cardiac coronary coronaries cor aorta aortic arch valve myocardium atrium
  ventricle pericardium rib ribs sternum clavicle scapula shoulder humerus upperarm elbow forearm radius ulna wrist hand
  hands finger fingers thumb breast breasts mamma axilla abdomen abdominal abd liver hepatic gallbladder biliary bile duct pancreas
  pancreatic spleen splenic kidney kidneys renal adrenal adrenals ureter bladder urinary stomach gastric bowel colon rectum
  small large intestine appendix pelvis pelvic hip hips femur thigh knee knees patella tibia fibula leg legs calf ankle foot feet toe
  toes heel calcaneus prostate uterus ovary testis scrotum penis vagina fetus fetal obstetric whole total body wholebody trunk
  extremity extremities limb limbs arm arms joint joints muscle soft tissue vessel vessels vascular artery arteries arterial vein
  veins venous portal mesenteric iliac femoral popliteal runoff peripheral subclavian brachial lymph node nodes
  kopf hals schadel hirn gehirn auge wirbelsaule hws bws lws becken bauch brust lunge herz leber niere nieren milz
  schulter ellenbogen handgelenk hufte oberschenkel unterschenkel knie sprunggelenk fuss bein arm gefasse ganzkorper nativ kontrast
  tete cou crane cerveau rachis bassin abdomen poumon poumons coeur foie rein reins epaule coude poignet main hanche cuisse
  genou cheville pied jambe bras sein injecte avec sans cabeza cuello craneo cerebro columna pelvis torax pulmon corazon higado
  rinon hombro codo muneca mano cadera rodilla tobillo pie pierna brazo con sin contraste testa collo cranio cervello colonna
  bacino polmone polmoni cuore fegato rene spalla gomito polso anca ginocchio caviglia piede gamba braccio
  contrast contrasted enhanced unenhanced plain native noncontrast nonenhanced precontrast postcontrast pre post without with w wo
  km kontrastmittel iv oral gd gado gadolinium iodine barium air dynamic dyn delayed delay early late phase phases early
  arterial parenchymal nephrographic excretory equilibrium washin washout baseline rest stress gated ungated triggered gating
  retrospective prospective systole systolic diastole diastolic cine ecg ekg respiratory breath breathhold hold inspiration
  insp expiration exp free breathing motion correction corrected uncorrected attenuation ac nac ctac fdg nacl emission
  transmission static reconstruction recon rec reconstructed kernel filter window level lungwindow smooth sharp medium hard soft
  thin thick slice slices sl thickness increment interval mm cm kv kvp ma mas ms sec min hz mpr mip minip vrt vr mmpr 2d 3d
  4d volume vol volumetric surface rendering render multiplanar reformat reformatted reformation projection average avg max
  minimum maximum mean sum subtraction sub subtracted mask mixed derived secondary primary original processed raw image images
  series study exam examination view views serie frame frames stack set number no nr part full half field fov
  matrix resolution isotropic iterative asir admire safire idose fbp fov bw display default auto manual repeat additional
  extra new old first second third last one two three four and or of the for to from in on at by via only mit ohne und oder von im
  de du la le les et ou el los las del di il lo gli della a f h l p r s t w
  screening diagnostic followup follow up control kontrolle controle trauma polytrauma staging restaging pretherapy posttherapy
  pre op postop preop intraop biopsy guidance intervention interventional drainage puncture markers marker phantom quality qa qc
  daily calibration test report dosereport patient position removed unknown none other result results measurement measurements
  length width height diameter area angle distance density score calcium lesion nodule mass target nontarget finding findings
  impression comparison technique indication history conclusion normal abnormal stable unchanged increased decreased size shape
  margin location region roi organ segment lobe apex base hilum
`;

export const radiologyWords: ReadonlySet<string> = new Set(words.trim().split(/\s+/));

/** Those of them that say nothing alone. */
export const fillWords: ReadonlySet<string> = new Set(
  'and or of the for to from in on at by via only mit ohne und oder von im de du la le les et ou el los las del di il lo gli della'.split(
    ' ',
  ),
);
